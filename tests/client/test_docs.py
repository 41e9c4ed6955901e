"""The pages name tests, benchmarks and pages; each is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SUITE = re.compile(r"`((?:[\w/]+/)?(?:test_\w+|\w+)\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


def file_of(name: str) -> Path | None:
    """A file by its path from the root or below tests/, or a test by its name alone."""
    found = [path for path in (ROOT / name, ROOT / "tests" / name) if path.is_file()]
    return next(iter(found or (sorted((ROOT / "tests").rglob(name)) if name.startswith("test_") else [])), None)


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_and_benchmark_that_is_named_exists(page: Path) -> None:
    for name, function in SUITE.findall(page.read_text()):
        if "test_" in name or name.startswith("benchmarks/"):
            file = file_of(name)
            assert file, f"{page.name} names {name}"
            assert not function or re.search(rf"def {function}\b|class {function}\b", file.read_text()), (
                f"{page.name} names {name}::{function}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {path}#{anchor}"
