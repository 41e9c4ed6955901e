"""Specs before they are runs: check, schema, templates."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query

from copd_engine.plan import TRAINING, Kind, Segment, plan
from copd_engine.preflight import check_available
from copd_engine.recipe import parse_recipe
from copd_engine.spec import RunSpec, SpecError
from server import queries
from server.api.deps import Db, Redis, ServicesDep
from server.api.problems import of_spec
from server.api.schemas.specs import PlannedSegment, SpecCheck, SpecTemplate, SpecTemplateList
from server.api.spec_body import SPEC_BODY, SpecSource

router = APIRouter(prefix="/spec", tags=["spec"])
KeptRounds = Annotated[int, Query(ge=0, le=10_000, description="rounds that a fork has already: the estimate leaves them out")]


@router.post("/check", openapi_extra=SPEC_BODY)
def check_spec(source: SpecSource, services: ServicesDep, db: Db, redis: Redis, keep_rounds: KeptRounds = 0) -> SpecCheck:
    """A dry run: the wrong fields, or the spec with its defaults, the plan it leads to and what that will take. Nothing is stored."""
    try:
        recipe = parse_recipe(source.text)
        spec = recipe.spec
        check_available(spec, services.settings.reach)
        segments = plan(spec, recipe.structure())
    except SpecError as error:
        return SpecCheck(valid=False, errors=of_spec(error).errors, spec=None)
    return SpecCheck(
        valid=True,
        errors=[],
        spec=spec.model_dump(mode="json"),
        policies=queries.policies(spec),
        segments=[PlannedSegment.of(segment) for segment in segments],
        total_steps=sum(segment.steps for segment in segments),
        rollouts=sum(segment.steps * _rollouts_per_step(spec, segment) for segment in segments),
        edges=spec.edges(),
        estimate=queries.estimate(db, redis, spec, [s for s in segments if s.round >= keep_rounds], services.settings.reach),
    )


@router.get("/schema")
def spec_schema() -> dict[str, Any]:
    """The JSON schema of a spec; fields that may change mid-run carry `edit`: value or structure."""
    return _schema()


@router.get("/templates")
def spec_templates() -> SpecTemplateList:
    """Ready-made specs to start from."""
    return _templates()


@cache
def _schema() -> dict[str, Any]:
    return RunSpec.model_json_schema()


@cache
def _templates() -> SpecTemplateList:
    sources = sorted((file.name, file.read_text()) for file in files("examples").iterdir() if file.name.endswith(".yaml"))
    return SpecTemplateList(templates=[_template(name.removesuffix(".yaml"), source) for name, source in sources])


def _rollouts_per_step(spec: RunSpec, segment: Segment) -> int:
    """As many on prompts with rewards, where the step has such, as on the teachers' prompts, where it has teachers."""
    if segment.kind not in TRAINING:
        return 0
    is_rewarded = bool(spec.native_domains(segment.policy, in_opd=segment.kind is Kind.opd))
    return spec.rlvr.prompts * spec.rlvr.group * (is_rewarded + bool(segment.teachers))


def _template(name: str, source: str) -> SpecTemplate:
    """The title is the spec's name, the description its first comment lines."""
    comment = [line.lstrip("# ").rstrip() for line in source.splitlines()]
    first_field = next((i for i, line in enumerate(source.splitlines()) if line and not line.startswith("#")), 0)
    title = str(yaml.safe_load(source).get("name", name))
    return SpecTemplate(name=name, title=title, description=" ".join(comment[:first_field]).strip(), source=source)
