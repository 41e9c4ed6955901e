"""Rollouts that were kept for people to read, and held-out prompts through training."""

from __future__ import annotations

from pydantic import BaseModel, Field

from copd_engine.events import RolloutPart
from copd_engine.kept import KeptCompletion
from server.api.schemas.results import SampleView


class RolloutSummary(BaseModel):
    """A prompt with a group of completions of one policy at one step."""

    id: int
    policy: str
    step: int
    part: RolloutPart = Field(
        description="native: trained on, of its own domain; cross: trained on, of a teacher's domain; heldout: measured"
    )
    peer: str | None = Field(description="of a cross part, who teaches")
    domain: str
    index: int = Field(description="the prompt's number in its split")
    prompt: str = Field(description="its beginning")
    completion: str = Field(description="the beginning of the one that got least")
    media: list[str] = Field(description="URLs")
    size: int = Field(description="completions")
    tokens: int
    reward_min: float
    reward_mean: float
    reward_max: float
    gap: float | None = Field(description="mean log π_teacher − log π_student, nats per token; of several teachers the lowest")


class RolloutPage(BaseModel):
    total: int = Field(description="how many the filter leaves")
    tied: int | None = Field(
        description="how many share the first place, equal in what is sorted by and in completions; null after the first page"
    )
    rollouts: list[RolloutSummary]
    next: str | None = Field(description="the `after` of the following page; null: this is the last")


class RolloutView(RolloutSummary):
    """A rollout token by token."""

    attempt: int
    answer: str
    temperature: float
    rewards: list[float] = Field(description="of all completions, also of those that were not kept")
    completions: list[KeptCompletion]
    beside: list[RolloutSummary] = Field(description="other policies on the same held-out prompt at the same step")


class ProbeAnswer(SampleView):
    rollout: int | None = Field(description="a rollout of this policy on this prompt at this step, token by token")


class ProbeHistory(BaseModel):
    """One held-out prompt through training."""

    domain: str
    index: int
    prompt: str
    answer: str
    media: list[str] = Field(description="URLs")
    steps: list[int] = Field(description="at which it was asked, perhaps not all: see total_steps")
    total_steps: int = Field(description="how many there are; of more than `limit`, the first, the last and some between are given")
    answers: list[ProbeAnswer] = Field(description="by policy and step")
