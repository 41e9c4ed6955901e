"""A checkpoint as a plain Hugging Face folder that `from_pretrained` and other engines load, streamed tensor by tensor."""

from __future__ import annotations

import torch

from copd_engine.attempt import Attempt
from copd_engine.checkpoint import write_tensors
from copd_engine.folder import model_card
from copd_engine.plan import BASE


def export(attempt: Attempt) -> str:
    """Writes model.safetensors, config, processor and a README that shows how to load them; returns the folder's path below the run's."""
    segment = attempt.segment
    attempt.look()
    base = attempt.cache.base(attempt.spec.model)
    path = f"{attempt.job.folder}/export/{segment.start}"
    with attempt.clock("export"), attempt.store.publishing(path) as folder:
        if segment.start.policy == BASE:
            write_tensors(folder / "model.safetensors", base.tensors(), progress=attempt.progress)
        else:
            with attempt.dense_weights(segment.start) as weights:
                write_tensors(folder / "model.safetensors", weights, like=base.tensors(), progress=attempt.progress)
        base.processor.save_pretrained(folder)
        config = base.model.config
        config.architectures = [type(base.model).__name__]
        config.dtype = torch.float32
        config.save_pretrained(folder)
        base.model.generation_config.save_pretrained(folder)
        notes = f"Policy `{segment.start}` of the run “{attempt.spec.name}”. Weights in float32, with the processor they were trained with."
        (folder / "README.md").write_text(model_card(base, attempt.spec.name, notes))
    return path
