"""What a simulated run must come to when nothing disturbs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from copd_engine.control import Binding, ValueEdit, values_at
from copd_engine.plan import BASE, TRAINING, Kind, Ref, Segment, plan
from copd_engine.spec import RunSpec
from copd_engine.structure import spec_of_round
from server.db.models import Edit
from server.db.segments import structure_edits
from tests.server.simulated_attempt import BASE_DIGEST, hash_of, reward_of


@dataclass
class Undisturbed:
    """What a run must come to: its plan carried out in order, with its edits bound where they were."""

    spec: RunSpec
    edits: list[Edit] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.digests: dict[Ref, str] = {Ref(BASE, 0): BASE_DIGEST}
        self.rewards: dict[tuple[str, int], float] = {}
        self.structure = structure_edits(self.edits)
        for segment in plan(self.spec, self.structure):
            if segment.kind in TRAINING:
                self._train(segment)
            elif segment.kind is Kind.merge:
                self.digests[segment.end] = hash_of([self.digests[ref] for ref in segment.teachers])

    @property
    def merged_digest(self) -> str:
        return max((ref.step, digest) for ref, digest in self.digests.items() if ref.policy == "merged")[1]

    def _train(self, segment: Segment) -> None:
        values_edits = [ValueEdit(version=e.version, path=e.path, value=e.value) for e in self.edits if e.kind == "value"]
        spec, digest = spec_of_round(self.spec, self.structure, segment.round), self.digests[segment.start]
        teachers = [ref.policy for ref in segment.teachers]
        for step in range(segment.step + 1, segment.end.step + 1):
            values = values_at(spec, values_edits, self.bindings, policy=segment.policy, teachers=teachers, step=step)
            digest = hash_of([digest, values.model_dump(), [self.digests[ref] for ref in segment.teachers]])
            self.rewards[segment.policy, step] = reward_of(digest)
        self.digests[segment.end] = digest
