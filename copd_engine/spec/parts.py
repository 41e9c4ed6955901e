"""What every part of a spec is made of: strict models, names and texts, editable fields, and the errors that name a wrong field."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_STEPS = 1_000_000


def printable(text: str) -> str:
    """The text itself. Raises ValueError for NUL bytes, which no database column holds."""
    if "\x00" in text:
        raise ValueError("must not contain NUL bytes")
    return text


def _policy_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
        raise ValueError("must be 1-32 of a-z, 0-9, _ and -, starting with a letter")
    return name


Text = Annotated[str, AfterValidator(printable)]
Name = Annotated[str, AfterValidator(_policy_name)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


EditKind = Literal["value", "structure", "dispatch"]


def editable(default: Any, edit: EditKind, **constraints: Any) -> Any:
    """A field that may change mid-run; `edit` reaches the JSON schema, and from there the page and the API."""
    return Field(default=default, json_schema_extra={"edit": edit}, **constraints)


class Part(BaseModel):
    """A piece of a spec: no unknown fields, no silent conversions, no infinities; it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class FieldError(Exception):
    """One field that is wrong: its dotted path and what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class SpecError(ValueError):
    """A spec that cannot be run: every wrong field at once."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors
