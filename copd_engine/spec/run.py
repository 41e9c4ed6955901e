"""What a run is: the whole spec. Imports no torch, so that server and client load it in milliseconds.

Every field that may change while a run trains says so in its JSON schema as `edit`: `value` binds, per policy, to the next optimizer
step that uses it; `structure` changes the plan from the first round of which nothing has been sent; `dispatch` says who goes first, from
now on. A field without it is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from copd_engine.spec.domains import Domain
from copd_engine.spec.learning import Opd, Rlvr
from copd_engine.spec.model import Merge, Model, Optimizer
from copd_engine.spec.parts import MAX_STEPS, FieldError, Name, Part, SpecError, Text, Weight, editable, printable
from copd_engine.spec.sampling import Sampling

MIXED, STUDENT = "mixed", "student"
"""The policies of mixed_rlvr and mopd that no expert gives its name to."""
RESERVED_NAMES = ("base", "merged", MIXED, STUDENT)
MAX_SEGMENTS = 100_000
Method = Literal["copd", "experts", "mixed_rlvr", "static_opd", "mopd", "opd"]


class Expert(Part):
    """A policy trained on one domain, and the teacher of that domain."""

    domain: Name


class FixedTeacher(Part):
    """A model that teaches its domain and never learns. Its tokenizer must be that of the model it teaches."""

    path: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="`tiny` (shipped), a local folder or .gguf file, or a Hugging Face id"
    )
    domain: Name


class Ramp(Part):
    """A weight that moves linearly from what `w` says to `end`, over the student's first `steps` steps."""

    end: Weight
    steps: int = Field(ge=1, le=MAX_STEPS)


class Evaluation(Part):
    """Accuracy on fixed held-out prompts: the base once, every expert and the merged model at the end of rounds."""

    every: int = editable(1, "structure", ge=1, le=10_000, description="rounds from one evaluation to the next; the last has one always")
    prompts: int = Field(default=256, ge=8, le=65536, description="held-out prompts per domain; of a data set that has fewer, all of them")
    temperature: float = Field(default=0.0, ge=0, le=10, description="0 is greedy")
    samples: int = Field(default=3, ge=0, le=64, description="first prompts per domain kept with their answers for people to read")


class Agreement(Part):
    """Overlap and divergences of every pair of experts on states the student visits, at the end of each phase."""

    enabled: bool = True
    prompts: int = Field(default=32, ge=1, le=65536, description="held-out prompts per domain; of a data set that has fewer, all of them")
    top_k: int = Field(default=10, ge=1, le=1000)


class KeptRollouts(Part):
    """What of a run people can read token by token: rollouts of training, and of held-out prompts where agreement is measured.

    Keeping them changes no number of the run: nothing is drawn for it, and what is scored for it is never trained on.
    """

    every: int = Field(
        default=10,
        ge=0,
        le=MAX_STEPS,
        description="those of each policy's step 1 and of every so many steps; 0: none, held-out ones neither",
    )
    groups: int = Field(default=1, ge=1, le=64, description="prompts of each part of such a step, native and of each teacher")
    alternatives: int = Field(default=5, ge=0, le=20, description="likeliest tokens kept beside each one said, of student and teachers")


class Keep(Part):
    """What the control plane keeps of a run's checkpoints, beside those that it still needs and those that people pinned."""

    last: int = Field(default=1, ge=1, le=MAX_STEPS, description="the newest so many of each policy")
    round_ends: bool = Field(default=True, description="the experts and the merged model at the end of each round")
    best: bool = Field(default=True, description="of each policy the one with the highest mean accuracy over the domains")


class Checkpoint(Part):
    """When training state is stored, and what is kept of it."""

    every: int = Field(
        default=0, ge=0, le=MAX_STEPS, description="also store the state every so many steps inside a segment; 0: at its end only"
    )
    keep: Keep = Keep()


class Compute(Part):
    """How a step is computed. Threads and micro-batches are part of what the last bits depend on."""

    threads: int = Field(default=1, ge=1, le=256, description="CPU threads of each worker; part of what makes a run exact")
    micro_batch: int = Field(default=0, ge=0, le=65536, description="sequences per forward pass; 0: the whole batch")
    gradient_checkpointing: bool = Field(
        default=False, description="run layers again in the backward pass instead of keeping their activations: less memory, same bits"
    )


class RunSpec(Part):
    """One run: experts of one base model, how they learn, and how they teach each other."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(printable)]
    notes: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    tags: list[Annotated[Text, StringConstraints(min_length=1, max_length=40)]] = Field(default_factory=list, max_length=32)
    priority: int = editable(0, "dispatch", ge=-100, le=100, description="runs with a higher one get workers first")
    method: Method = Field(
        default="copd",
        description="`copd`; `experts`: RLVR alone; `mixed_rlvr`: one policy on all domains; `static_opd`: RLVR, then one expert learns "
        "from the others; `mopd`: RLVR, then a student from the base learns from all experts; `opd`: experts learn from fixed `teachers`",
    )
    seed: int = editable(
        0,
        "value",
        ge=0,
        lt=2**31,
        description="of all prompts and samples; an edit changes those of training only, so that evaluations stay comparable",
    )
    model: Model = Model()
    domains: dict[Name, Domain] = Field(min_length=1, max_length=64)
    experts: dict[Name, Expert] = Field(min_length=1, max_length=64)
    teachers: dict[Name, FixedTeacher] = Field(default_factory=dict, max_length=64, description="who teaches in `opd`")
    rounds: int = editable(6, "structure", ge=1, le=10_000)
    rlvr: Rlvr = Rlvr()
    opd: Opd = Opd()
    w: dict[Name, dict[Name, Weight]] = editable(
        {}, "value", description="w[student][teacher]; an edge of the topology that is not named here weighs 1", validate_default=True
    )
    w_schedule: dict[Name, dict[Name, Ramp]] = editable(
        {}, "value", description="w_schedule[student][teacher]; an edge that is not named here keeps its weight"
    )
    sampling: Sampling = Sampling()
    optimizer: Optimizer = Optimizer()
    merge: Merge = Merge()
    evaluation: Evaluation = Evaluation()
    agreement: Agreement = Agreement()
    rollouts: KeptRollouts = KeptRollouts()
    checkpoint: Checkpoint = Checkpoint()
    compute: Compute = Compute()

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        problems = [
            *self._expert_problems(),
            *self._teacher_problems(),
            *self._weight_problems(),
            *self._adaptive_problems(),
            *self._loss_problems(),
            *self._size_problems(),
            *self.merge.problems(self.merged_policies()),
            *self.sampling.problems(self.model, self.domains),
        ]
        if problems:
            raise SpecError(problems)
        return self

    def _expert_problems(self) -> Iterator[FieldError]:
        for name, expert in self.experts.items():
            if name in RESERVED_NAMES:
                yield FieldError(f"experts.{name}", f"'{name}' is reserved; choose another name")
            if expert.domain not in self.domains:
                yield FieldError(f"experts.{name}.domain", f"unknown domain '{expert.domain}'; domains are {listed(self.domains)}")
        for field, name in (("opd.hub", self.opd.hub), ("opd.student", self.opd.student)):
            if name is not None and name not in self.experts:
                yield FieldError(field, f"unknown expert '{name}'; experts are {listed(self.experts)}")
        if self.method == "copd" and len(self.experts) > 1 and self.opd.topology == "custom" and not self.w:
            yield FieldError("w", "a custom topology takes its edges from w; name at least one w.<student>.<teacher>")

    def _teacher_problems(self) -> Iterator[FieldError]:
        if self.method == "opd" and not self.teachers:
            yield FieldError("teachers", "method opd needs at least one teacher")
        if self.method != "opd" and self.teachers:
            yield FieldError("teachers", f"method {self.method} has no fixed teachers; leave them out, or use opd")
        if self.method == "static_opd" and len(self.experts) < 2:
            yield FieldError("experts", "static_opd needs at least two experts: one learns from the others")
        for name, teacher in self.teachers.items():
            if name in (*RESERVED_NAMES, *self.experts):
                yield FieldError(f"teachers.{name}", f"'{name}' is reserved or an expert; choose another name")
            if teacher.domain not in self.domains:
                yield FieldError(f"teachers.{name}.domain", f"unknown domain '{teacher.domain}'; domains are {listed(self.domains)}")

    def _weight_problems(self) -> Iterator[FieldError]:
        is_custom = self.method == "copd" and self.opd.topology == "custom"
        allowed = None if is_custom else set(self.edges())
        policies = {*self.policies(), *self.teachers}
        for field, student, teacher in self._named_edges():
            unknown = [name for name in (student, teacher) if name not in policies]
            if unknown:
                yield FieldError(field, f"unknown expert '{unknown[0]}'; experts are {listed(policies)}")
            elif student == teacher:
                yield FieldError(field, "an expert cannot teach itself")
            elif allowed is not None and (student, teacher) not in allowed:
                edges = ", ".join(f"w.{s}.{t}" for s, t in sorted(allowed))
                where = f"topology {self.opd.topology}" if self.method == "copd" else f"method {self.method}"
                yield FieldError(field, f"not an edge of {where}; edges are {edges or 'none'}")

    def _named_edges(self) -> Iterator[tuple[str, str, str]]:
        """Field, student and teacher of every entry of w and w_schedule."""
        for table, rows in (("w", self.w), ("w_schedule", self.w_schedule)):
            for student, row in rows.items():
                for teacher in row:
                    yield f"{table}.{student}.{teacher}", student, teacher

    def _adaptive_problems(self) -> Iterator[FieldError]:
        if self.opd.adaptive is None:
            return
        if self.method != "copd":
            yield FieldError("opd.adaptive", f"method {self.method} has no phases to choose between; leave it out, or use copd")
        elif not self.edges():
            yield FieldError("opd.adaptive", "there is no edge: nobody could teach; it needs two experts of which one teaches the other")
        if not self.agreement.enabled:
            yield FieldError("agreement.enabled", "must be true: opd.adaptive decides by the overlap that is measured")

    def _loss_problems(self) -> Iterator[FieldError]:
        rewarded = {name for domains in self.policies().values() for name in domains} & self.domains.keys()
        shortest = min((self.domains[name].max_new_tokens for name in rewarded), default=0)
        if self.rlvr.overlong_buffer > shortest:
            yield FieldError("rlvr.overlong_buffer", f"is longer than the shortest max_new_tokens of a trained domain, {shortest}")
        teachers = max((sum(s == student for s, _ in self.edges()) for student in self.policies()), default=0)
        if self.opd.outcome > 0 and self.rlvr.prompts < teachers:
            help_ = f"each of the {teachers} teachers of a student needs at least one group; use at least as many rlvr.prompts"
            yield FieldError("opd.outcome", f"{help_} (given: {self.rlvr.prompts})")

    def _size_problems(self) -> Iterator[FieldError]:
        parts = 1 + (math.ceil(self.opd.steps / self.opd.sync_every) if self.method == "copd" else 1)
        segments = self.rounds * len(self.policies()) * (parts + len(self.domains))
        if segments > MAX_SEGMENTS:
            help_ = "use fewer rounds, fewer steps or a larger opd.sync_every"
            yield FieldError("rounds", f"the plan would have about {segments:,} segments, more than {MAX_SEGMENTS:,}; {help_}")

    def policies(self) -> dict[str, tuple[str, ...]]:
        """Every policy that trains → the domains on which it gets rewards; the student of mopd gets none."""
        own = {name: (expert.domain,) for name, expert in self.experts.items()}
        if self.method == "mixed_rlvr":
            return {MIXED: tuple(dict.fromkeys(expert.domain for expert in self.experts.values()))}
        return {**own, STUDENT: ()} if self.method == "mopd" else own

    def merged_policies(self) -> tuple[str, ...]:
        """The policies whose merge is the run's product; of methods with one learner at the end, that one."""
        if self.method == "static_opd":
            return (self.opd.student or next(iter(self.experts)),)
        if self.method in ("mopd", "mixed_rlvr"):
            return (STUDENT,) if self.method == "mopd" else (MIXED,)
        return tuple(self.experts)

    def native_domains(self, policy: str, *, in_opd: bool) -> tuple[str, ...]:
        """The domains on which a step of `policy` gets rewards: its own, but in distillation only copd goes on with RLVR."""
        return () if in_opd and self.method != "copd" else self.policies()[policy]

    def teacher_domain(self, name: str) -> str:
        """The domain an expert or a fixed teacher teaches."""
        return (self.teachers[name] if name in self.teachers else self.experts[name]).domain

    def edges(self) -> list[tuple[str, str]]:
        """The (student, teacher) pairs, in spec order. An edge of weight 0 is still an edge."""
        names = list(self.experts)
        match self.method:
            case "copd":
                return self._topology_edges(names)
            case "static_opd":
                student = self.opd.student or names[0]
                return [(student, teacher) for teacher in names if teacher != student]
            case "mopd":
                return [(STUDENT, teacher) for teacher in names]
            case "opd":
                return [(student, teacher) for student in names for teacher in self.teachers]
            case _:
                return []

    def _topology_edges(self, names: list[str]) -> list[tuple[str, str]]:
        if self.opd.topology == "custom":
            return [(s, t) for s in names for t in names if s != t and t in self.w.get(s, {})]
        if self.opd.topology == "ring":
            return sorted({(names[i], names[i - 1]) for i in range(len(names)) if len(names) > 1}, key=lambda e: names.index(e[0]))
        hub = self.opd.hub or names[0]
        spoke = self.opd.topology == "hub_and_spoke"
        return [(s, t) for s in names for t in names if s != t and (not spoke or hub in (s, t))]


def listed(names: Any) -> str:
    """Names in order, for an error to say what there is."""
    return ", ".join(sorted(names))
