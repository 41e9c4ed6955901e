"""From text to a spec, with an error for every wrong field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml
from pydantic import ValidationError

from copd_engine.spec.parts import FieldError, SpecError
from copd_engine.spec.run import RunSpec, listed


def parse_spec(source: str | dict[str, Any]) -> RunSpec:
    """A spec from YAML (JSON is YAML) or from an already parsed mapping. Raises SpecError naming every wrong field."""
    data = load_yaml(source) if isinstance(source, str) else source
    if not isinstance(data, dict):
        raise SpecError([FieldError("", f"a spec is a mapping of fields, not {type(data).__name__}")])
    try:
        return RunSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(list(_field_errors(error))) from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, not a silent last-wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", key_node.start_mark)
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-4 as a string; people who write a learning rate mean a number.
_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+"), list("-+0123456789")
)


def load_yaml(text: str) -> Any:
    """YAML as specs are written in: 1e-4 is a number, and a key given twice is an error. Raises SpecError."""
    if "\x00" in text:
        raise SpecError([FieldError("", "must not contain NUL bytes")])
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # a SafeLoader  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or str(error) or "nested too deeply"
        raise SpecError([FieldError("", f"not valid YAML: {where}{reason}")]) from None


def _field_errors(error: ValidationError) -> Iterator[FieldError]:
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            yield from cause.errors
            continue
        path = [str(p) for p in _of_document(item["loc"]) if p != "[key]"]
        if item["type"].startswith("union_tag"):  # `kind` or `source` names the member of a union
            yield _untagged(path, item)
            continue
        message = _unknown_field(item["loc"]) if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        if "input" in item and isinstance(item["input"], int | float | str) and item["type"] not in ("extra_forbidden", "missing"):
            message += f" (given: {_short(item['input'])})"
        yield FieldError(".".join(path), message)


def _untagged(path: list[str], item: Any) -> FieldError:
    """Which tags there are, where the one given is unknown or none is."""
    *_, (_, node) = _nodes((*item["loc"], ""))
    name, tags = node["discriminator"]["propertyName"], listed(node["discriminator"]["mapping"])
    given = f" (given: {_short(item['ctx']['tag'])})" if item["type"] == "union_tag_invalid" else ""
    return FieldError(".".join((*path, name)), f"must be one of {tags}{given}")


def _nodes(location: tuple[int | str, ...]) -> Iterator[tuple[int | str, dict[str, Any]]]:
    """Each part of an error's location, with the node of the schema it is looked up in; as far as the schema goes."""
    schema = spec_schema()
    node: dict[str, Any] = schema
    for part in location:
        inside = ("items",) if isinstance(part, int) else ("$ref", "discriminator")  # of what a part may be, that which has such parts
        node = next((member for member in node.get("anyOf", ()) if any(key in member for key in inside)), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        yield part, node
        if "discriminator" in node:  # here the path names the chosen member of a union
            node = {"$ref": node["discriminator"]["mapping"][part]} if part in node["discriminator"]["mapping"] else {}
        elif "items" in node:
            node = node["items"]
        else:
            others = node.get("additionalProperties")
            node = node.get("properties", {}).get(part) or (others if isinstance(others, dict) else {})


def _of_document(location: tuple[int | str, ...]) -> Iterator[int | str]:
    """The parts of a location that are fields of the document: a union puts the tag of the chosen member between them."""
    return (part for part, node in _nodes(location) if "discriminator" not in node)


def _unknown_field(location: tuple[int | str, ...]) -> str:
    """Which fields there are in its place."""
    *_, (_, node) = _nodes(location)
    return f"unknown field; there are {listed(node['properties'])}"


def _short(value: float | str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


@cache
def spec_schema() -> dict[str, Any]:
    """The JSON schema of a spec, with `edit: value | structure` on the fields that may change mid-run."""
    return RunSpec.model_json_schema()
