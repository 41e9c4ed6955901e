"""The real app against its own OpenAPI document: to whatever it allows, no 5xx, and every answer as the document says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from server.app import openapi_document
from tests.server.api import ADDRESS, submit

pytestmark = pytest.mark.integration
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WITHOUT = ["stream_events", "readyz"]
"""The one ends with its run only (test_serve.py); the other is 503 without a scheduler (test_security.py)."""
OPERATIONS = [
    found
    for found in (
        result.ok() for result in schemathesis.openapi.from_dict(openapi_document()).get_all_operations() if isinstance(result, Ok)
    )
    if found.definition.raw["operationId"] not in WITHOUT
]
EXAMPLES = 8


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_as_the_document_says(api: TestClient, operation: Any) -> None:
    """With what the document allows."""
    run = submit(api)

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def check(case: Any) -> None:
        if "run_id" in case.path_parameters:
            case.path_parameters["run_id"] = run
        sent = case.as_transport_kwargs(base_url=ADDRESS)
        headers = {name: value.encode("utf-8", "replace") for name, value in dict(sent["headers"]).items() if name.lower() != "host"}
        body = {"json": sent["json"]} if "json" in sent else {"content": sent["data"]} if sent.get("data") else {}
        answer = api.request(sent["method"], sent["url"], params=sent.get("params"), headers=headers, **body)
        case.validate_response(answer, checks=CHECKS)

    check()
