"""The page's tests look at the real schema: a copy, because they run without a server."""

from __future__ import annotations

from tests.server.form_fixture import FIXTURE, content


def test_the_copy_of_the_schema_is_current() -> None:
    assert FIXTURE.read_text() == content(), "run `python -m tests.server.form_fixture`"
