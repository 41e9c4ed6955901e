"""What several answers are made of: bodies that refuse unknown fields, and problems."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.states import Trigger

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""PostgreSQL keeps no NUL."""
Tag = Annotated[Text, StringConstraints(min_length=1, max_length=40)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldProblem(BaseModel):
    """One field that is wrong: dotted path, and what would be right."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details; every error of this API has this shape."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    allowed: list[Trigger] | None = Field(None, description="after a refused command: the commands allowed now")
