"""What one worker holds while it trains one policy. Pure. A bound from below: the framework's own memory and prompts come on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copd_engine.plan import TRAINING, Segment
from copd_engine.spec import RunSpec
from server.estimates.size import ModelSize, Widths

FLOAT = 4
"""Bytes of a float32: weights, gradients and moments are such, whatever the compute dtype."""
CHUNK_LOGITS = 1 << 24
"""Logits computed at once (copd_engine/scoring.py)."""


@dataclass(frozen=True)
class Memory:
    """Bytes. `activations`: of completions in the backward pass, or their keys and values while sampling, whichever is more; None where
    the architecture is not known."""

    weights: int
    gradients: int
    optimizer: int
    teachers: int
    activations: int | None

    @property
    def total(self) -> int:
        """Of all that is known."""
        return self.weights + self.gradients + self.optimizer + self.teachers + (self.activations or 0)


def memory_of(spec: RunSpec, segments: Sequence[Segment], size: ModelSize, trainable: int) -> Memory:
    """trainable: parameters that train: all, or those of an adapter. Fixed teachers count as models of the student's size."""
    is_adapter = spec.model.lora is not None
    snapshot = trainable if is_adapter else size.parameters
    training = [segment for segment in segments if segment.kind in TRAINING]
    peers = max((sum(teacher.policy not in spec.teachers for teacher in segment.teachers) for segment in training), default=0)
    return Memory(
        weights=FLOAT * (size.parameters + trainable),  # the base, and the policy's own beside it
        gradients=FLOAT * trainable,
        optimizer=2 * FLOAT * trainable,  # AdamW's two moments
        teachers=FLOAT * (peers * snapshot + len(spec.teachers) * size.parameters),
        activations=None if size.widths is None else _activations(spec, size.widths),
    )


def _activations(spec: RunSpec, widths: Widths) -> int:
    longest = max(domain.max_new_tokens for domain in spec.domains.values())
    batch = spec.rlvr.prompts * spec.rlvr.group
    trained = min(batch, spec.compute.micro_batch or batch) * longest
    sampled = min(batch, spec.sampling.batch or batch) * longest
    width = FLOAT if spec.model.dtype == "float32" else FLOAT // 2
    per_layer = 5 * widths.hidden + 3 * widths.queries + 2 * widths.keys_and_values + 4 * widths.feed_forward
    kept = widths.layers * widths.hidden + per_layer if spec.compute.gradient_checkpointing else widths.layers * per_layer
    logits = FLOAT * min(CHUNK_LOGITS, trained * widths.vocabulary)
    return max(trained * kept * width + logits, sampled * widths.layers * widths.keys_and_values * width)
