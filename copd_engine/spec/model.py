"""The model every policy starts from, how its weights are updated, and how experts are merged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from copd_engine.spec.parts import Part, Text, editable


class Model(Part):
    """The model every policy starts from."""

    path: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] = Field(
        default="tiny", description="`tiny` (shipped), a local folder, or a Hugging Face id"
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="compute dtype; optimizer and weights stay float32")


class Optimizer(Part):
    """AdamW on float32 weights with a constant learning rate."""

    lr: float = editable(1e-4, "value", ge=0, le=1)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    grad_clip: float = Field(default=1.0, gt=0, description="largest global gradient norm")
