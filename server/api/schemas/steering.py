"""What is asked of runs under way."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from server.api.schemas.parts import Body, Tag, Text
from server.states import RunState, Trigger


class BulkCommand(Body):
    command: Literal[Trigger.pause, Trigger.resume, Trigger.cancel]
    runs: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = Field(min_length=1, max_length=1000)


class BulkTags(Body):
    """Which tags many runs get and which they lose; a run keeps its others."""

    runs: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = Field(min_length=1, max_length=1000)
    add: list[Tag] = Field(default_factory=list, max_length=32)
    remove: list[Tag] = Field(default_factory=list, max_length=32)


class Commanded(BaseModel):
    """What became of one run: its state now, or why it was left as it is."""

    run: str
    state: RunState | None = None
    error: str | None = None


class BulkAnswer(BaseModel):
    results: list[Commanded] = Field(description="in the order asked")


class ControlPatch(Body):
    """Changed values by path: {"set": {"w.image.text": 0.3}}."""

    set: dict[str, bool | float | int | str] = Field(min_length=1, max_length=64)


class ForkRequest(Body):
    """Where a new run goes on from, and what it changes: by default nothing."""

    keep_rounds: int | None = Field(None, ge=0, le=10_000, description="how many rounds of the other run it has; null: all that have ended")
    set: dict[str, bool | float | int | str] = Field(default_factory=dict, max_length=64, description="as in PATCH …/controls")
    reseed: bool = Field(False, description="train on with the next seed: other prompts and samples")
    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] | None = None


class RetryRequest(Body):
    """What to change before a failed run goes on; by default nothing."""

    set: dict[str, bool | float | int | str] = Field(default_factory=dict, max_length=64, description="as in PATCH …/controls")
    reseed: bool = Field(False, description="train on with the next seed: other prompts and samples")
