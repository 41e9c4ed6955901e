"""Which rollouts are kept for people to read, and how they come into the store. Nothing here draws, trains or changes a number of the run.

Letters: n completions of a prompt, T tokens, S states of all of them, H hidden.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from copd_engine.attempt import Attempt
from copd_engine.batches import Batch
from copd_engine.domains import Domain, Prompt, Reward, media
from copd_engine.events import RolloutPart
from copd_engine.kept import MOST_TOKENS, Group, KeptCompletion, chosen, pack, told
from copd_engine.policy import Policy
from copd_engine.rollout import Rollouts
from copd_engine.spec import KeptRollouts
from copd_engine.step import Outcomes
from copd_engine.token_table import Looked, look, token_table


class Kept(NamedTuple):
    """A group whose pictures and clips are not in the store yet."""

    prompt: Prompt
    group: Group


@dataclass(frozen=True)
class Source:
    """Whose rollouts these are, and on what."""

    name: str
    policy: Policy
    step: int
    part: RolloutPart
    domain: Domain
    temperature: float
    peer: str | None = None


def is_due(settings: KeptRollouts, step: int) -> bool:
    """Whether rollouts of a policy's training step are kept: a function of the step alone, so that a repeated one keeps the same."""
    return settings.every > 0 and (step == 1 or step % settings.every == 0)


def trained(
    source: Source,
    batch: Batch,
    outcomes: Outcomes | None,
    teachers: Mapping[str, Policy],
    settings: KeptRollouts,
    progress: Callable[[], None],
) -> Iterator[Kept]:
    """The first groups of a training batch, before its update. outcomes: their rewards, where the step asked for them; else they are
    judged here, for people only."""
    samples = batch.size // len(batch.prompts)
    for place, prompt in enumerate(batch.prompts[: settings.groups]):
        rows = range(place * samples, (place + 1) * samples)
        texts = [batch.rollouts.texts[row] for row in rows]
        judged = [source.domain.reward(prompt, text) for text in texts] if outcomes is None else [outcomes.judged[row] for row in rows]
        rewards = [each.value for each in judged]
        some = [rows[i] for i in chosen(rewards)]
        tokens, mask = (each[some, :MOST_TOKENS] for each in (batch.tokens, batch.mask))
        owners = torch.zeros(len(some), dtype=torch.long, device=tokens.device)
        looked, encoded = {}, source.policy.encode([prompt])
        for name, policy in {"": source.policy, **teachers}.items():
            with torch.no_grad():
                states = policy.hidden(encoded, owners, tokens)[mask]
            looked[name] = look(policy, states, tokens[mask], settings.alternatives, source.temperature)
            progress()
        advantages = None if outcomes is None else [outcomes.advantages[row].item() for row in some]
        starts = [0, *accumulate(mask.sum(dim=1).tolist())]
        kept = [judged[row - rows.start] for row in some]
        yield _kept(source, prompt, rewards, _completions(source.policy, batch.rollouts, some, kept, advantages, starts, looked))


def heldout(
    source: Source,
    prompts: Sequence[Prompt],
    rollouts: Rollouts,
    student: Tensor,
    peers: Mapping[str, tuple[Policy, Tensor]],
    alternatives: int,
) -> Iterator[Kept]:
    """Held-out prompts with one completion each. student: its states [S, H] before each token of these completions; peers: likewise."""
    count = len(prompts)
    tokens, mask = (torch.from_numpy(each[:count]).to(student.device) for each in (rollouts.tokens, rollouts.mask))
    said = tokens[mask]
    looked = {"": look(source.policy, student[: len(said)], said, alternatives, source.temperature)}
    for name, (policy, states) in peers.items():
        looked[name] = look(policy, states[: len(said)], said, alternatives, source.temperature)
    starts = [0, *accumulate(mask.sum(dim=1).tolist())]
    for row, prompt in enumerate(prompts):
        judged = source.domain.reward(prompt, rollouts.texts[row])
        yield _kept(source, prompt, [judged.value], _completions(source.policy, rollouts, [row], [judged], None, starts[row:], looked))


def store_rollouts(attempt: Attempt, step: int, kept: Sequence[Kept]) -> None:
    """Writes one file with all groups of a step, and says so of each."""
    if not kept:
        return
    with attempt.clock("store"):
        groups = [each.group.model_copy(update={"media": stored_media(attempt, each.prompt)}) for each in kept]
        path = f"{attempt.job.folder}/rollouts/{attempt.segment.policy}@{step}.json.z"
        attempt.store.write(path, pack(groups))
    for place, group in enumerate(groups):
        attempt.log.emit(told(group, path, place))


def stored_media(attempt: Attempt, prompt: Prompt) -> list[str]:
    """Puts a prompt's pictures and clips into the run's media folder, named by content; returns their paths."""
    paths = []
    for mime, data in media(prompt):
        suffix = {"image/png": "png", "image/apng": "apng"}[mime]
        path = f"media/{hashlib.sha256(data).hexdigest()}.{suffix}"
        if not attempt.store.exists(path):
            attempt.store.write(path, data)
        paths.append(path)
    return paths


def _completions(
    policy: Policy,
    rollouts: Rollouts,
    rows: Iterable[int],
    judged: Sequence[Reward],
    advantages: Sequence[float] | None,
    starts: Sequence[int],
    looked: Mapping[str, Looked],
) -> list[KeptCompletion]:
    """The completions `rows`, of which the first states are numbered `starts` among all that were looked at; looked: "" is the student."""
    student, teachers = looked[""], {name: each for name, each in looked.items() if name}
    found = []
    for i, row in enumerate(rows):
        length = int(rollouts.mask[row].sum())
        tokens = rollouts.tokens[row, :length].tolist()
        found.append(
            KeptCompletion(
                text=rollouts.texts[row],
                reward=judged[i].value,
                reason=judged[i].reason,
                advantage=None if advantages is None else advantages[i],
                finished=bool(rollouts.finished[row]),
                length=length,
                tokens=token_table(policy, tokens, student, teachers, starts[i], rollouts.texts[row]),
            )
        )
    return found


def _kept(source: Source, prompt: Prompt, rewards: list[float], completions: list[KeptCompletion]) -> Kept:
    group = Group(
        policy=source.name, step=source.step, part=source.part, peer=source.peer, domain=source.domain.name, index=prompt.index,
        prompt=prompt.text, answer=prompt.answer, temperature=source.temperature, rewards=rewards, completions=completions,
    )  # fmt: skip
    return Kept(prompt, group)
