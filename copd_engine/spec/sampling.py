"""How completions are drawn from a policy, apart from the temperature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from copd_engine.spec.domains import Domain, has_media
from copd_engine.spec.model import Model
from copd_engine.spec.parts import FieldError, Part, Text

SamplingEngine = Literal["local", "continuous", "vllm"]


class Sampling(Part):
    """Training, evaluation and agreement sample alike, each at its own temperature. Losses use the whole distribution's log-probs."""

    engine: SamplingEngine = Field(
        default="local",
        description="who generates: `local`; `continuous`: transformers' continuous batching, the same tokens; `vllm`: the extra of that "
        "name, on GPU hosts, with noise of its own",
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="sample from the likeliest tokens of this total probability; 1: all")
    top_k: int = Field(default=0, ge=0, le=1_000_000, description="sample from so many of the likeliest tokens; 0: all")
    stop: list[Annotated[Text, StringConstraints(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=16, description="strings that end a completion; its text is cut before the first of them"
    )
    batch: int = Field(default=0, ge=0, le=65536, description="sequences decoded together, which bounds the key-value cache; 0: all")

    def problems(self, model: Model, domains: Mapping[str, Domain]) -> Iterator[FieldError]:
        """What the engine cannot run."""
        if self.engine == "local":
            return
        if self.engine == "continuous" and model.dtype != "float32":
            yield FieldError("sampling.engine", f"continuous runs in float32; with model.dtype {model.dtype} use local or vllm")
        if self.engine == "vllm" and model.lora is not None:
            yield FieldError("sampling.engine", "vllm takes whole weights; with model.lora use local or continuous")
        for name, domain in domains.items():
            if has_media(domain):
                yield FieldError("sampling.engine", f"{self.engine} reads text only, and domain {name} has images or video; use local")
