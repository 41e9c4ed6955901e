"""What a run is: the spec a person writes, checked to the last field. Imports no torch, so that server and client load it in milliseconds.

Every field that may change while a run trains says so in its JSON schema as `edit`: `value` binds, per policy, to the next optimizer
step that uses it; `structure` changes the plan from the first round of which nothing has been sent. A field without it is fixed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

RESERVED_NAMES = ("base", "merged")
MAX_STEPS = 1_000_000
MAX_SEGMENTS = 100_000


def _printable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL bytes")
    return text


def _policy_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
        raise ValueError("must be 1-32 of a-z, 0-9, _ and -, starting with a letter")
    return name


Text = Annotated[str, AfterValidator(_printable)]
Name = Annotated[str, AfterValidator(_policy_name)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Method = Literal["copd", "experts"]
Topology = Literal["hub_and_spoke", "full", "ring", "custom"]


def editable(default: Any, edit: Literal["value", "structure"], **constraints: Any) -> Any:
    """A field that may change mid-run; `edit` reaches the JSON schema, and from there the page and the API."""
    return Field(default=default, json_schema_extra={"edit": edit}, **constraints)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Model(Part):
    """The model every policy starts from."""

    path: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] = Field(
        default="tiny", description="`tiny` (shipped), a local folder, or a Hugging Face id"
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="compute dtype; optimizer and weights stay float32")


class ReasoningGym(Part):
    """Text problems of the package reasoning-gym, scored exactly."""

    source: Literal["reasoning_gym"]
    tasks: dict[Text, dict[str, Any]] = Field(min_length=1, description="task name → its parameters")
    max_new_tokens: int = Field(default=16, ge=1, le=16384)


class DigitImages(Part):
    """Two real scans of handwritten digits: read them and add them."""

    source: Literal["digit_images"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


class DigitVideos(Part):
    """A real digit scan moving over a few frames: say which digit, and where it goes."""

    source: Literal["digit_videos"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


Domain = Annotated[ReasoningGym | DigitImages | DigitVideos, Field(discriminator="source")]


class Expert(Part):
    """A policy trained on one domain, and the teacher of that domain."""

    domain: Name


class Rlvr(Part):
    """Phase I: GRPO on the expert's own domain (arXiv:2402.03300, with the asymmetric clip of arXiv:2503.14476)."""

    steps: int = editable(36, "structure", ge=1, le=MAX_STEPS, description="optimizer steps of phase I in each round")
    prompts: int = Field(default=16, ge=1, le=65536, description="prompts per step")
    group: int = Field(default=8, ge=2, le=1024, description="rollouts per prompt (G)")
    temperature: float = editable(1.0, "value", gt=0, le=10, description="sampling temperature of training rollouts")
    clip_low: float = Field(default=0.2, ge=0, lt=1)
    clip_high: float = Field(default=0.28, ge=0, le=10)


class Opd(Part):
    """Phase II: every step is one native RLVR batch and, for each teacher, one distillation batch on the teacher's domain."""

    steps: int = editable(24, "structure", ge=1, le=MAX_STEPS, description="optimizer steps of phase II in each round")
    sync_every: int = editable(
        1, "structure", ge=1, le=MAX_STEPS, description="steps between teacher refreshes; 1 is the live teacher of the method"
    )
    topology: Topology = editable("hub_and_spoke", "structure", description="who teaches whom")
    hub: Name | None = Field(default=None, description="the hub of hub_and_spoke; the first expert when unset")
    max_advantage: float | None = Field(default=5.0, gt=0, description="cap on |w·δ| per token; null for none")


class Optimizer(Part):
    """AdamW on float32 weights with a constant learning rate."""

    lr: float = editable(1e-4, "value", ge=0, le=1)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    grad_clip: float = Field(default=1.0, gt=0, description="largest global gradient norm")


class Evaluation(Part):
    """Accuracy on fixed held-out prompts: the base once, every expert and the merged model at each round's end."""

    prompts: int = Field(default=256, ge=8, le=65536, description="held-out prompts per domain")
    temperature: float = Field(default=0.0, ge=0, le=10, description="0 is greedy")
    samples: int = Field(default=3, ge=0, le=64, description="prompts per domain kept with their answers for people to read")


class Agreement(Part):
    """Overlap and divergences of every pair of experts on states the student visits, at the end of each phase."""

    enabled: bool = True
    prompts: int = Field(default=32, ge=1, le=65536, description="held-out prompts per domain")
    top_k: int = Field(default=10, ge=1, le=1000)


class Checkpoint(Part):
    every: int = Field(
        default=0, ge=0, le=MAX_STEPS, description="also store the state every so many steps inside a segment; 0: at its end only"
    )


class Compute(Part):
    threads: int = Field(default=1, ge=1, le=256, description="CPU threads of each worker; part of what makes a run exact")
    micro_batch: int = Field(default=0, ge=0, le=65536, description="sequences per forward pass; 0: the whole batch")


class RunSpec(Part):
    """One run: experts of one base model, how they learn, and how they teach each other."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_printable)]
    notes: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    tags: list[Annotated[Text, StringConstraints(min_length=1, max_length=40)]] = Field(default_factory=list, max_length=32)
    priority: int = Field(default=0, ge=-100, le=100, description="runs with a higher one get workers first")
    method: Method = "copd"
    seed: int = Field(default=0, ge=0, lt=2**31)
    model: Model = Model()
    domains: dict[Name, Domain] = Field(min_length=1, max_length=64)
    experts: dict[Name, Expert] = Field(min_length=1, max_length=64)
    rounds: int = editable(6, "structure", ge=1, le=10_000)
    rlvr: Rlvr = Rlvr()
    opd: Opd = Opd()
    w: dict[Name, dict[Name, Weight]] = editable(
        {}, "value", description="w[student][teacher]; an edge of the topology that is not named here weighs 1", validate_default=True
    )
    optimizer: Optimizer = Optimizer()
    evaluation: Evaluation = Evaluation()
    agreement: Agreement = Agreement()
    checkpoint: Checkpoint = Checkpoint()
    compute: Compute = Compute()

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        problems = [*self._expert_problems(), *self._weight_problems(), *self._size_problems()]
        if problems:
            raise SpecError(problems)
        return self

    def _expert_problems(self) -> Iterator[FieldError]:
        for name, expert in self.experts.items():
            if name in RESERVED_NAMES:
                yield FieldError(f"experts.{name}", f"'{name}' is reserved; choose another name")
            if expert.domain not in self.domains:
                yield FieldError(f"experts.{name}.domain", f"unknown domain '{expert.domain}'; domains are {_listed(self.domains)}")
        if self.opd.hub is not None and self.opd.hub not in self.experts:
            yield FieldError("opd.hub", f"unknown expert '{self.opd.hub}'; experts are {_listed(self.experts)}")
        if self.method == "copd" and len(self.experts) > 1 and self.opd.topology == "custom" and not self.w:
            yield FieldError("w", "a custom topology takes its edges from w; name at least one w.<student>.<teacher>")

    def _weight_problems(self) -> Iterator[FieldError]:
        allowed = None if self.opd.topology == "custom" else set(self.edges())
        for student, row in self.w.items():
            for teacher in row:
                field = f"w.{student}.{teacher}"
                unknown = [name for name in (student, teacher) if name not in self.experts]
                if unknown:
                    yield FieldError(field, f"unknown expert '{unknown[0]}'; experts are {_listed(self.experts)}")
                elif student == teacher:
                    yield FieldError(field, "an expert cannot teach itself")
                elif allowed is not None and (student, teacher) not in allowed:
                    edges = ", ".join(f"w.{s}.{t}" for s, t in sorted(allowed))
                    yield FieldError(field, f"not an edge of topology {self.opd.topology}; edges are {edges or 'none'}")

    def _size_problems(self) -> Iterator[FieldError]:
        parts = 1 + (math.ceil(self.opd.steps / self.opd.sync_every) if self.method == "copd" else 0)
        segments = self.rounds * len(self.experts) * (parts + len(self.domains))
        if segments > MAX_SEGMENTS:
            help_ = "use fewer rounds, fewer steps or a larger opd.sync_every"
            yield FieldError("rounds", f"the plan would have about {segments:,} segments, more than {MAX_SEGMENTS:,}; {help_}")

    def edges(self) -> list[tuple[str, str]]:
        """The (student, teacher) pairs of the topology, in spec order. An edge of weight 0 is still an edge."""
        if self.method != "copd":
            return []
        names = list(self.experts)
        if self.opd.topology == "custom":
            return [(s, t) for s in names for t in names if s != t and t in self.w.get(s, {})]
        if self.opd.topology == "ring":
            return sorted({(names[i], names[i - 1]) for i in range(len(names)) if len(names) > 1}, key=lambda e: names.index(e[0]))
        hub = self.opd.hub or names[0]
        spoke = self.opd.topology == "hub_and_spoke"
        return [(s, t) for s in names for t in names if s != t and (not spoke or hub in (s, t))]

    def weight(self, student: str, teacher: str) -> float:
        """w[student, teacher] as the spec starts with it."""
        return self.w.get(student, {}).get(teacher, 1.0)


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
        # A discriminated union puts the chosen tag into the path; it is not a field of the document.
        path = [str(p) for p in item["loc"] if p not in ("reasoning_gym", "digit_images", "digit_videos", "[key]")]
        message = _unknown_field(item["loc"]) if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        if "input" in item and isinstance(item["input"], int | float | str) and item["type"] not in ("extra_forbidden", "missing"):
            message += f" (given: {_short(item['input'])})"
        yield FieldError(".".join(path), message)


def _unknown_field(location: tuple[int | str, ...]) -> str:
    """Which fields there are in its place, found by walking the schema to the field's parent."""
    schema = spec_schema()
    node = schema
    for part in location[:-1]:
        if "discriminator" in node:  # here the path names the chosen member of a union
            node = {"$ref": node["discriminator"]["mapping"][part]}
        else:
            node = node["properties"][part] if "properties" in node else node["additionalProperties"]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return f"unknown field; there are {_listed(node['properties'])}"


def _short(value: float | str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))


@cache
def spec_schema() -> dict[str, Any]:
    """The JSON schema of a spec, with `edit: value | structure` on the fields that may change mid-run."""
    return RunSpec.model_json_schema()
