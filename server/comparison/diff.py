"""Where specs differ, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.comparison.groups import Entry

GENERAL = "general"
"""The section of fields that stand at the top of a spec."""
EDITS = "edits"
EMPTY = "{}"
IGNORED = ("name", "notes")
"""Every run has its own; the page names the runs anyway."""


@dataclass(frozen=True)
class Difference:
    """A field in which the runs are not all the same. values: one text for each run, None where its spec has no such field."""

    section: str
    path: str
    values: Sequence[str | None]


def differences(runs: Sequence[Entry]) -> list[Difference]:
    """The fields of the specs that differ, and the edits, by section, in the order in which the specs have them."""
    leaves = [dict(_leaves(run.spec)) for run in runs]
    inner = {path[:at] for leaf in leaves for path in leaf for at, sign in enumerate(path) if sign == "."}
    # A part that is empty here and not there is told by its fields.
    leaves = [{path: text for path, text in leaf.items() if path not in inner or text != EMPTY} for leaf in leaves]
    found = [each for each in (_difference(path, [leaf.get(path) for leaf in leaves]) for path in _paths(leaves)) if each]
    edited = [_edits(run) for run in runs]
    found += [Difference(EDITS, path, [texts.get(path) for texts in edited]) for path in _paths(edited)]
    order = list(dict.fromkeys(each.section for each in found))
    return sorted(found, key=lambda each: order.index(each.section))


def _difference(path: str, values: list[str | None]) -> Difference | None:
    section = path.partition(".")[0] if "." in path else GENERAL
    return None if path in IGNORED or len(set(values)) == 1 else Difference(section, path, values)


def _paths(leaves: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(path for leaf in leaves for path in leaf))


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of every field that is not made of others; an empty part is one, too."""
    for name, each in value.items():
        path = f"{prefix}{name}"
        if isinstance(each, Mapping) and each:
            yield from _leaves(each, f"{path}.")
        else:
            yield path, _text(each)


def _text(value: Any) -> str:
    """As a spec would say it."""
    return value if isinstance(value, str) else json.dumps(value)


def _edits(run: Entry) -> dict[str, str]:
    """Path → the values it was set to, one after the other."""
    texts: dict[str, list[str]] = {}
    for path, value, where in run.edits:
        texts.setdefault(path, []).append(f"{_text(value)} {where}".strip())
    return {path: ", then ".join(each) for path, each in texts.items()}
