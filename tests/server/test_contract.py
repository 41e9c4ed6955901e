"""The real app against its own OpenAPI document: to whatever it allows or forbids, no 5xx, and every answer as the document says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from server.app import openapi_document
from tests.server.api import ADDRESS, submit

pytestmark = pytest.mark.integration
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WITHOUT = ["stream_events", "stream_events_of_runs", "readyz"]
"""The streams end with their login only (test_serve.py); the last is 503 without a scheduler (test_security.py)."""
ANSWERS_TO_ANYTHING = ["check_spec"]
"""It says what is wrong with a spec, and that is no error."""
OPERATIONS = [
    found
    for found in (
        result.ok() for result in schemathesis.openapi.from_dict(openapi_document()).get_all_operations() if isinstance(result, Ok)
    )
    if found.definition.raw["operationId"] not in WITHOUT
]
EXAMPLES = {GenerationMode.POSITIVE: 8, GenerationMode.NEGATIVE: 8}


def _takes_anything(operation: Any) -> bool:
    parameters = [*operation.path_parameters, *operation.query, *operation.headers, *operation.cookies]
    return bool(parameters) or bool(list(operation.body))


CASES = [
    *((operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
    *((operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if _takes_anything(operation)),
]


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=[f"{operation.label}-{mode.value}" for operation, mode in CASES])
def test_every_answer_is_as_the_document_says(api: TestClient, operation: Any, mode: GenerationMode) -> None:
    """To what the document allows, and to what it forbids."""
    run, checks = submit(api), CHECKS
    if mode is GenerationMode.NEGATIVE and operation.definition.raw["operationId"] not in ANSWERS_TO_ANYTHING:
        checks = [*CHECKS, negative_data_rejection]

    @settings(
        max_examples=EXAMPLES[mode], derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if "run_id" in case.path_parameters and not _is_negative(case, ParameterLocation.PATH):
            case.path_parameters["run_id"] = run
        case.validate_response(ask(api, case), checks=checks)

    check()


def ask(api: TestClient, case: Any) -> Any:
    """The answer to a case, sent as it is."""
    sent = case.as_transport_kwargs(base_url=ADDRESS)
    headers = {name: value.encode("utf-8", "replace") for name, value in dict(sent["headers"]).items() if name.lower() != "host"}
    body = {"json": sent["json"]} if "json" in sent else {"content": sent["data"]} if sent.get("data") else {}
    return api.request(sent["method"], sent["url"], params=sent.get("params"), headers=headers, **body)


def _is_negative(case: Any, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location)
    return component is not None and component.mode is GenerationMode.NEGATIVE
