"""What ran where, on what: recorded with each attempt."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from copd_engine import spec
from copd_engine.domains import build_domain
from copd_engine.provenance import Code, Provenance, code, fingerprints, hash_of, provenance
from copd_engine.spec import RunSpec, parse_spec

ROWS = [{"prompt": f"{n} + 1 =", "answer": str(n + 1)} for n in range(8)]


def a_spec(**changes: object) -> RunSpec:
    domains = {"digits": {"source": "digit_images"}}
    return parse_spec({"name": "p", "domains": domains, "experts": {n: {"domain": "digits"} for n in ("a", "b")}, **changes})


def git(folder: Path, *command: str) -> str:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(["git", *names, "-C", str(folder), *command], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A working tree with one committed file in a folder."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "code.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "engine")
    git(tmp_path, "commit", "-qm", "first")
    code.cache_clear()
    return folder


def test_code_is_the_commit_it_stands_at(tree: Path) -> None:
    assert code(tree) == Code(commit=git(tree, "rev-parse", "HEAD"), changes=None)


def test_changed_code_says_so_and_which_change(tree: Path) -> None:
    found = set[str | None]()
    for text in ("x = 2\n", "x = 3\n", "x = 1\n"):
        (tree / "code.py").write_text(text)
        code.cache_clear()
        found.add(code(tree).changes)
    assert len(found) == 3
    assert None in found


def test_code_that_git_does_not_know_has_no_commit(tree: Path, tmp_path: Path) -> None:
    installed = tree.parent / "site-packages"  # inside a working tree, but none of its files
    installed.mkdir()
    (installed / "code.py").write_text("x = 1\n")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    assert code(installed) == code(outside) == Code()


def test_the_specs_hash_is_of_what_it_says() -> None:
    assert hash_of(a_spec()) == hash_of(a_spec(rounds=a_spec().rounds))
    assert hash_of(a_spec()) != hash_of(a_spec(seed=7))


def test_provenance_travels_as_json() -> None:
    found = provenance(a_spec())
    assert Provenance.model_validate_json(found.model_dump_json()) == found
    assert {"python", "torch", "transformers"} <= found.packages.keys()
    assert found.hardware["cpu"]
    assert found.fingerprint.endswith(found.packages["transformers"])


def fingerprint_of(folder: Path, name: str, rows: list[dict[str, str]]) -> str:
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)))
    source = spec.Dataset.model_validate({"source": "dataset", "path": str(path), "heldout": 2})
    return fingerprints([build_domain("sums", source)])["sums"]


def test_a_data_set_is_known_by_its_questions_and_answers(tmp_path: Path) -> None:
    first = fingerprint_of(tmp_path, "rows.jsonl", ROWS)
    assert fingerprint_of(tmp_path, "copy.jsonl", ROWS[::-1]) == first
    assert fingerprint_of(tmp_path, "other.jsonl", [*ROWS[:-1], {**ROWS[-1], "answer": "9"}]) != first
    assert fingerprint_of(tmp_path, "fewer.jsonl", ROWS[:-1]) != first


def test_a_domain_that_reads_nothing_has_no_fingerprint() -> None:
    assert fingerprints([build_domain("digits", a_spec().domains["digits"])]) == {}
