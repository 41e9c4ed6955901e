"""Where the paths of a spec may lead: folders of the administrator's, links followed, and the hub or not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.cache import PolicyCache
from copd_engine.domains import build_domain
from copd_engine.loading import TINY_FOLDER, load_model
from copd_engine.preflight import check_available
from copd_engine.reach import EVERYWHERE, Reach
from copd_engine.spec import Model, ReasoningGym, RunSpec, SpecError, parse_spec
from tests.engine.rows import SUMS, json_lines, pictures, source

OUTSIDE = "outside the allowed folders; give one below"


@pytest.fixture
def reach(tmp_path: Path) -> Reach:
    """Two folders inside, one beside them that holds a model and data."""
    for name in ("models", "data", "secret"):
        (tmp_path / name).mkdir()
    shutil.copytree(TINY_FOLDER, tmp_path / "secret" / "model")
    json_lines(tmp_path / "secret" / "sums.jsonl", SUMS)
    return Reach.of(str(tmp_path / "models"), str(tmp_path / "data"), hub=False)


def a_run(*, model: Path | str = "tiny", data: Path | str | None = None) -> RunSpec:
    domain = {"source": "digit_images"} if data is None else {"source": "dataset", "path": str(data), "heldout": 4}
    return parse_spec({"name": "x", "model": {"path": str(model)}, "domains": {"d": domain}, "experts": {"a": {"domain": "d"}}})


def refusal(spec: RunSpec, reach: Reach) -> tuple[str, str]:
    with pytest.raises(SpecError) as caught:
        check_available(spec, reach)
    (error,) = caught.value.errors
    return error.field, error.message


@pytest.mark.parametrize("path", ["secret/model", "models/../secret/model", "models/link", "secret/nothing", "models-too"])
def test_a_model_outside_is_refused_by_server_and_worker(tmp_path: Path, reach: Reach, path: str) -> None:
    (tmp_path / "models" / "link").symlink_to(tmp_path / "secret" / "model")
    field, message = refusal(a_run(model=tmp_path / path), reach)
    assert (field, OUTSIDE in message, "COPD_MODEL_ROOTS" in message) == ("model.path", True, True)
    with pytest.raises(ValueError, match=f"model.path: .*{OUTSIDE}"):
        PolicyCache(reach=reach).base(Model(path=str(tmp_path / path)))


def test_data_outside_is_refused_by_server_and_worker(tmp_path: Path, reach: Reach) -> None:
    (tmp_path / "data" / "link.jsonl").symlink_to(tmp_path / "secret" / "sums.jsonl")
    for path in (tmp_path / "secret" / "sums.jsonl", tmp_path / "data" / "link.jsonl", "/etc/passwd"):
        field, message = refusal(a_run(data=path), reach)
        assert (field, OUTSIDE in message, "COPD_DATA_ROOTS" in message) == ("domains.d.path", True, True)
        with pytest.raises(ValueError, match=f"path: .*{OUTSIDE}"):
            PolicyCache(reach=reach).domain("d", source(path))


def test_what_lies_inside_is_used(tmp_path: Path, reach: Reach) -> None:
    shutil.copytree(TINY_FOLDER, tmp_path / "models" / "mine")
    (tmp_path / "models" / "same").symlink_to(tmp_path / "models" / "mine")
    data = json_lines(tmp_path / "data" / "sums.jsonl", SUMS)
    check_available(a_run(model=tmp_path / "models" / "same", data=data), reach)
    check_available(a_run(), Reach.of("", "", hub=False))  # what ships needs no folder
    assert "no folder is allowed" in refusal(a_run(data=data), Reach.of("", "", hub=False))[1]


@pytest.mark.parametrize("cell", ["/etc/hostname", "../secret/red.png", "link.png"])
def test_a_row_cannot_name_a_picture_outside(tmp_path: Path, reach: Reach, cell: str) -> None:
    rows = pictures(tmp_path / "data")
    shutil.copy(tmp_path / "data" / "img" / "0.png", tmp_path / "secret" / "red.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "secret" / "red.png")
    honest = json_lines(tmp_path / "data" / "honest.jsonl", rows)
    wrong = json_lines(tmp_path / "data" / "wrong.jsonl", [*rows, rows[0] | {"images": cell}])
    columns = {"columns": {"images": "images"}}
    build_domain("d", source(honest, **columns), reach)
    with pytest.raises(ValueError, match=f"row 13, column 'images': .*{OUTSIDE}"):
        build_domain("d", source(wrong, **columns), reach)


def test_a_link_moved_after_the_look_is_caught_when_the_picture_is_read(tmp_path: Path, reach: Reach) -> None:
    rows = pictures(tmp_path / "data")
    domain = build_domain("d", source(json_lines(tmp_path / "data" / "rows.jsonl", rows), columns={"images": "images"}), reach)
    (tmp_path / "data" / "img").rename(tmp_path / "secret" / "img")
    (tmp_path / "data" / "img").symlink_to(tmp_path / "secret" / "img")
    with pytest.raises(ValueError, match=OUTSIDE):
        domain.prompt("train", 0)


@pytest.mark.parametrize("hub", [True, False])
def test_the_hub_is_off_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch, hub: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    reach = Reach.of("/", "/", hub=hub)
    for spec, field in ((a_run(model="someone/model"), "model.path"), (a_run(data="someone/sums"), "domains.d.path")):
        if hub:
            check_available(spec, reach)
        else:
            named, message = refusal(spec, reach)
            assert (named, "COPD_ALLOW_HUB=1" in message) == (field, True)


def test_a_task_cannot_read_a_file() -> None:
    nested = {"composite": {"datasets": [{"name": "spell_backward", "weight": 1.0, "config": {"data_file": "/etc/passwd"}}]}}
    for tasks in ({"spell_backward": {"data_file": "/etc/passwd"}}, {"spell_backward": {"data_file": "../x.txt"}}, nested):
        with pytest.raises(ValueError, match=r"tasks\.\w+\.data_file: must be the name of a word list"):
            build_domain("text", ReasoningGym(source="reasoning_gym", tasks=tasks))
    with pytest.raises(ValueError, match=r"tasks\.spell_backward: .*none\.txt"):
        build_domain("text", ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {"data_file": "none.txt"}}))
    build_domain("text", ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {"data_file": "words3to10.txt"}}))


def test_code_that_comes_with_a_model_never_runs(tmp_path: Path) -> None:
    folder, trace = tmp_path / "model", tmp_path / "it_ran"
    shutil.copytree(TINY_FOLDER, folder)
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w')\nclass Evil: pass\n")
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_model(folder)
    assert not trace.exists()


def test_one_s_own_runs_may_read_what_one_s_own_user_may() -> None:
    assert EVERYWHERE.problem("data", "/etc/passwd") is None
    assert "cannot be read (File name too long)" in str(EVERYWHERE.problem("data", "/" + "x" * 300))
    assert Reach.of("/a:/b", "", hub=True).models == (Path("/a"), Path("/b"))


@given(st.lists(st.sampled_from(["..", "a", "b", "."]), max_size=8))
def test_no_spelling_of_a_path_leaves_the_folder(parts: list[str]) -> None:
    """A path is taken just where its plain form, worked out by hand, stays at or below the folder."""
    reach, place = Reach.of("", "/no-such-root/in", hub=False), ["no-such-root", "in"]
    for part in parts:
        if part == "..":
            place = place[:-1]
        elif part != ".":
            place.append(part)
    allowed = reach.problem("data", "/".join(["/no-such-root/in", *parts])) is None
    assert allowed == (place[:2] == ["no-such-root", "in"])
