"""How completions are drawn from a policy, apart from the temperature."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from copd_engine.spec.parts import Part, Text


class Sampling(Part):
    """Training, evaluation and agreement sample alike, each at its own temperature. Losses use the whole distribution's log-probs."""

    top_p: float = Field(default=1.0, gt=0, le=1, description="sample from the likeliest tokens of this total probability; 1: all")
    top_k: int = Field(default=0, ge=0, le=1_000_000, description="sample from so many of the likeliest tokens; 0: all")
    stop: list[Annotated[Text, StringConstraints(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=16, description="strings that end a completion; its text is cut before the first of them"
    )
    batch: int = Field(default=0, ge=0, le=65536, description="sequences decoded together, which bounds the key-value cache; 0: all")
