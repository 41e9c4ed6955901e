"""The client's reading of what the API says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from client import models
from client.api import parse_events
from server.app import openapi_document

# client model → schema of the API
SCHEMAS = {
    models.Progress: "Progress",
    models.RunSummary: "RunSummary",
    models.RunList: "RunList",
    models.Run: "Run",
    models.RunError: "RunError",
    models.Effect: "Effect",
    models.Edit: "EditView",
    models.Control: "ControlView",
    models.Segment: "SegmentView",
    models.Series: "SeriesData",
    models.SeriesList: "SeriesList",
    models.Checkpoint: "CheckpointView",
    models.Figure: "Figure",
    models.FigureList: "FigureList",
    models.FigureInfo: "FigureInfo",
    models.Result: "ResultCard",
    models.Score: "Score",
    models.Budget: "Budget",
    models.Export: "ExportView",
    models.LogEntry: "LogEntry",
    models.RolloutPage: "RolloutPage",
    models.RolloutSummary: "RolloutSummary",
    models.RolloutView: "RolloutView",
    models.KeptCompletion: "KeptCompletion",
    models.KeptToken: "KeptToken",
    models.TeacherToken: "TeacherToken",
    models.Alternative: "Alternative",
    models.ProbeHistory: "ProbeHistory",
    models.ProbeAnswer: "ProbeAnswer",
    models.Worker: "WorkerView",
    models.WorkerList: "WorkerList",
    models.Comparison: "Comparison",
    models.PaperTable: "PaperTable",
    models.RunGroup: "RunGroup",
    models.TableLine: "TableLine",
    models.Cell: "Cell",
    models.SpecDifference: "SpecDifference",
}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    return openapi_document()["components"]["schemas"]


@pytest.mark.parametrize("model", SCHEMAS, ids=lambda model: model.__name__)
def test_every_field_the_client_reads_is_one_the_server_sends(model: type[BaseModel], schemas: dict[str, Any]) -> None:
    assert set(model.model_fields) <= set(schemas[SCHEMAS[model]]["properties"])


def test_events_are_read_as_the_standard_says() -> None:
    stream = [": hello", "", "id: 1-0", "event: points", 'data: {"a":', "data: 1}", "", "data:{}", "retry: 5", "", "id: 2-0", ""]
    assert [(e.id, e.event, e.data) for e in parse_events(iter(stream))] == [("1-0", "points", {"a": 1}), ("1-0", "message", {})]


@given(st.lists(st.tuples(st.from_regex(r"\d{1,5}-\d", fullmatch=True), st.dictionaries(st.text(), st.integers()))))
def test_every_event_arrives_once_and_in_order(events: list[tuple[str, dict[str, int]]]) -> None:
    lines = [line for number, data in events for line in (f"id: {number}", "event: x", f"data: {json.dumps(data)}", "")]
    assert [(event.id, event.data) for event in parse_events(iter(lines))] == events
