"""Rollouts that were kept for people to read, and held-out prompts through training."""

from __future__ import annotations

from pydantic import BaseModel


class RolloutSummary(BaseModel):
    """A prompt with a group of completions of one policy at one step. Log-probs and gaps are in nats."""

    id: int
    policy: str
    step: int
    part: str
    peer: str | None
    domain: str
    index: int
    prompt: str
    completion: str
    media: list[str]
    size: int
    reward_min: float
    reward_mean: float
    reward_max: float
    gap: float | None


class RolloutPage(BaseModel):
    total: int
    tied: int | None
    rollouts: list[RolloutSummary]
    next: str | None


class Alternative(BaseModel):
    text: str
    log_prob: float


class TeacherToken(BaseModel):
    log_prob: float
    gap: float
    top: list[Alternative] = []


class KeptToken(BaseModel):
    text: str
    name: str
    log_prob: float
    entropy: float
    top: list[Alternative] = []
    teachers: dict[str, TeacherToken] = {}


class KeptCompletion(BaseModel):
    text: str
    reward: float
    reason: str
    advantage: float | None = None
    finished: bool
    length: int
    tokens: list[KeptToken]


class RolloutView(RolloutSummary):
    """A rollout token by token."""

    answer: str
    temperature: float
    rewards: list[float]
    completions: list[KeptCompletion]


class ProbeAnswer(BaseModel):
    policy: str
    step: int
    completion: str
    reward: float
    reason: str
    rollout: int | None


class ProbeHistory(BaseModel):
    """One held-out prompt through training; of many steps some are left out, see total_steps."""

    domain: str
    index: int
    prompt: str
    answer: str
    steps: list[int]
    total_steps: int
    answers: list[ProbeAnswer]
