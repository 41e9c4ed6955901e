"""`path=value` as people type it after `copd set`. Pure."""

from __future__ import annotations

import json


class EditError(ValueError):
    """An argument that is not path=value."""


def parse_edits(arguments: list[str]) -> dict[str, bool | float | int | str]:
    """["w.image.text=0.3"] → {"w.image.text": 0.3}. Raises EditError."""
    edits: dict[str, bool | float | int | str] = {}
    for argument in arguments:
        path, equals, text = argument.partition("=")
        path = path.strip()
        if not equals or not path or not text.strip():
            raise EditError(f"'{argument}' is not path=value, as in w.image.text=0.3")
        if path in edits:
            raise EditError(f"{path} is given twice")
        edits[path] = _value(text.strip())
    return edits


def _value(text: str) -> bool | float | int | str:
    """A number, true or false where it reads as one; otherwise the text, and the server says what would be right."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) else text
