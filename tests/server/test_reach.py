"""A served stack takes only specs whose paths lie where the administrator says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from server.settings import Settings
from tests.server.api import RUNS, SPEC, YAML, serving, sign_in
from tests.server.backend import Backend

pytestmark = pytest.mark.integration


@pytest.fixture
def confined(backend: Backend, tmp_path: Path) -> Iterator[TestClient]:
    settings = backend.settings.model_copy(update={"model_roots": str(tmp_path / "in"), "data_roots": "", "allow_hub": False})
    with serving(replace(backend, settings=settings)) as client:
        yield sign_in(client, backend)


@pytest.mark.parametrize(
    ("more", "field", "right"),
    [
        ("model: {path: /etc}", "model.path", "give one below"),
        ("model: {path: PLACE/in/../out}", "model.path", "COPD_MODEL_ROOTS"),
        ("model: {path: Qwen/Qwen3-0.6B}", "model.path", "COPD_ALLOW_HUB=1"),
        ("method: opd\nteachers: {big: {path: /etc, domain: text}}", "teachers.big.path", "give one below"),
        ("DATA /etc/passwd", "domains.image.path", "no folder is allowed"),
        ("DATA someone/rows", "domains.image.path", "COPD_ALLOW_HUB=1"),
    ],
)
def test_a_path_out_of_reach_is_named(confined: TestClient, backend: Backend, tmp_path: Path, more: str, field: str, right: str) -> None:
    spec = SPEC
    if more.startswith("DATA "):
        spec = spec.replace("{source: digit_images}", f"{{source: dataset, path: {more.removeprefix('DATA ')}}}")
    else:
        spec += more.replace("PLACE", str(tmp_path))
    answers = confined.post(RUNS, content=spec, headers=YAML), confined.post("/api/v1/spec/check", content=spec, headers=YAML)
    assert [answer.status_code for answer in answers] == [422, 200]
    for answer in answers:
        (error,) = answer.json()["errors"]
        assert (error["field"], right in error["message"]) == (field, True), error
    assert backend.is_empty()


def test_what_ships_needs_no_permission(confined: TestClient) -> None:
    assert confined.post(RUNS, content=SPEC, headers=YAML).status_code == 201


@pytest.mark.parametrize("name", ["model_roots", "data_roots"])
def test_the_folders_are_absolute(backend: Backend, name: str) -> None:
    with pytest.raises(ValidationError, match="models is not absolute"):
        Settings.model_validate(backend.settings.model_dump() | {name: "/srv:models"})
