"""What a run will take, as far as it can be told before it is one."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MemoryEstimate(BaseModel):
    """Bytes that a worker holds at least while it trains one policy; prompts and the framework's own memory come on top."""

    total: int = Field(description="of all that is known")
    weights: int = Field(description="the base and the policy, in float32")
    gradients: int
    optimizer: int = Field(description="AdamW's two moments")
    teachers: int = Field(description="other policies that are read in one step")
    activations: int | None = Field(None, description="of completions of full length; null where the architecture is not known")


class Estimate(BaseModel):
    """Estimates, each with what it is from. Null: not known."""

    parameters: int | None = Field(None, description="of the model every policy starts from")
    trainable: int | None = Field(None, description="of one policy: all parameters, or those of its adapter")
    parameters_from: str = Field(description="what the numbers are from, or why there is none")
    memory: MemoryEstimate | None = None
    tokens: int = Field(description="sampled to train on, at most: every completion as long as it may get")
    seconds: float | None = Field(None, description="on the workers there are now; null where no run of this model was measured")
    workers: int = Field(description="that can be at work at a time: at most one for each policy")
    seconds_from: list[str] = Field(description="the runs whose speed it is from, newest first")
