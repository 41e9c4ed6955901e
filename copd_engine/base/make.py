"""Makes the shipped base: `python -m copd_engine.base.make [folder]`, about two minutes on one CPU core.

Trains a tokenizer on the domains' wording, then cold-starts an untrained model on question and answer pairs of the training
splits (supervised, next-token loss on the answers). A domain's share of each batch is what it lacks to its target, and
training ends when every domain has reached its own: a base that answers about half of the questions when sampled leaves the
most for reinforcement learning to find. What is saved is the moving average of the weights.

Everything follows from SEED; on one CPU thread the weights are the same every time.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog
import torch
from torch import Tensor

from copd_engine.base.architecture import untrained
from copd_engine.base.processor import build_processor, train_tokenizer
from copd_engine.domains import Domain, ImageDomain, Prompt, TextDomain, VideoDomain
from copd_engine.folder import save_pretrained
from copd_engine.loading import TINY_FOLDER
from copd_engine.policy import Policy

SEED: Final = 0
TASKS: Final = {"spell_backward": {"min_word_len": 3, "max_word_len": 8}}
TARGETS: Final = {"text": 0.42, "image": 0.45, "video": 0.45}  # probability of the whole answer, running mean on fresh prompts
BATCH: Final = 64
LEARNING_RATE: Final = 1.5e-3
WARM_UP: Final = 50  # steps
AVERAGE: Final = 0.96  # decay per step of the saved weights' moving average
MEMORY: Final = 200  # prompts a running mean looks back on
MAX_STEPS: Final = 1_000
_WORDING_SAMPLE: Final = 2_000  # prompts per domain the tokenizer is trained on
_FIRST_INDEX: Final = 2**31  # runs draw their prompts from below it: the cold start is not what they train on

log = structlog.get_logger(__name__)


def build_domains() -> dict[str, Domain]:
    """The three domains the base is made for."""
    return {"text": TextDomain("text", TASKS), "image": ImageDomain("image"), "video": VideoDomain("video")}


def wording(domains: Mapping[str, Domain]) -> list[str]:
    """Texts the tokenizer learns from: questions, answers, the chat template's roles, and the time stamps between frames."""
    texts = ["user\n", "assistant\n"] * _WORDING_SAMPLE
    for domain in domains.values():
        for index in range(_WORDING_SAMPLE):
            prompt = domain.prompt("train", index)
            texts += [prompt.text, prompt.answer]
    seconds = [f"<{second}.{tenth} seconds>" for second in range(4) for tenth in (2, 8)]
    return texts + seconds * _WORDING_SAMPLE


def shares(means: Mapping[str, float]) -> dict[str, int]:
    """Prompts of each domain in the next batch, in proportion to what it lacks to its target."""
    lacking = {name: max(0.0, target - means[name]) for name, target in TARGETS.items()}
    return {name: round(BATCH * gap / sum(lacking.values())) for name, gap in lacking.items()}


def answer_tokens(policy: Policy, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
    """Token ids [B, T] of the answers with their end-of-sequence token, padded with 0 on the right, and the mask [B, T]."""
    ids = [[*policy.tokenizer(p.answer, add_special_tokens=False).input_ids, policy.eos_ids[0]] for p in prompts]
    tokens = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
    mask = torch.zeros(tokens.shape)
    for row, answer in enumerate(ids):
        tokens[row, : len(answer)] = torch.tensor(answer)
        mask[row, : len(answer)] = 1.0
    return tokens, mask


def answer_log_probs(policy: Policy, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
    """Log-probs [B] of the whole answers, and their lengths [B] in tokens."""
    tokens, mask = answer_tokens(policy, prompts)
    hidden = policy.hidden(policy.encode(prompts), torch.arange(len(prompts)), tokens)
    log_probs = policy.logits(hidden).log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return (log_probs * mask).sum(dim=1), mask.sum(dim=1)


def cold_start(policy: Policy, domains: Mapping[str, Domain]) -> int:
    """Trains until every domain has reached its target, and leaves the averaged weights in the policy; returns the steps."""
    optimizer = torch.optim.AdamW(policy.tensors().values(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.01)
    average = {name: tensor.detach().clone() for name, tensor in policy.tensors().items()}
    means, used, step = dict.fromkeys(TARGETS, 0.0), dict.fromkeys(TARGETS, 0), 0
    while any(means[name] < target for name, target in TARGETS.items()) and step < MAX_STEPS:
        batch = {name: count for name, count in shares(means).items() if count}
        prompts = [domains[name].prompt("train", _FIRST_INDEX + used[name] + i) for name, n in batch.items() for i in range(n)]
        log_probs, lengths = answer_log_probs(policy, prompts)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP)
        (-log_probs.sum() / lengths.sum()).backward()
        torch.nn.utils.clip_grad_norm_(policy.tensors().values(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        _update(means, used, batch, log_probs.detach().exp())
        with torch.no_grad():
            for name, tensor in policy.tensors().items():
                average[name].lerp_(tensor, 1 - AVERAGE)
        step += 1
        if step % 25 == 0:
            log.info("cold start", step=step, answered={name: round(mean, 3) for name, mean in means.items()})
    policy.load_tensors(average)
    return step


def _update(means: dict[str, float], used: dict[str, int], batch: Mapping[str, int], probs: Tensor) -> None:
    """Moves the running means towards this batch's probabilities [B], domain after domain."""
    for (name, count), part in zip(batch.items(), probs.split(list(batch.values())), strict=True):
        weight = min(1.0, count / MEMORY)
        means[name] += weight * (float(part.mean()) - means[name])
        used[name] += count


def main() -> None:
    """Makes the shipped base and says what it is: steps taken and digest."""
    parser = argparse.ArgumentParser(description="Make the shipped base model.")
    parser.add_argument("folder", nargs="?", type=Path, default=TINY_FOLDER, help="where to write it (default: the package's own)")
    folder: Path = parser.parse_args().folder
    torch.set_num_threads(1)
    domains = build_domains()
    processor = build_processor(train_tokenizer(wording(domains)))
    policy = Policy(untrained("tiny", processor.tokenizer, SEED), processor)
    steps = cold_start(policy, domains)
    save_pretrained(policy, folder, "The tiny base", "A cold-started vision-language model, made by `python -m copd_engine.base.make`.")
    log.info("saved", folder=str(folder), steps=steps, digest=policy.digest())


if __name__ == "__main__":
    main()
