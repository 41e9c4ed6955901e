"""One GRPO step beside TRL's GRPOTrainer: `python -m benchmarks.grpo_step`.

Same weights, tokenizer, prompts, group size, lengths, loss, precision and one thread each; every side is a process of its own, and the
sides take turns, so that a slow moment of the machine hits both. A step is everything between two optimizer steps: rollouts, rewards,
forward, backward, update. The first steps of a process are not counted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.smollm2 import make_smollm2
from benchmarks.text_model import make_text_model
from copd_engine.domains import Domain, build_domain
from copd_engine.spec import ReasoningGym

LR = 1e-4


@dataclass(frozen=True)
class Case:
    """What is trained on, and for how long."""

    name: str
    make: Callable[[Path], Path]
    task: ReasoningGym
    prompts: int
    group: int
    steps: int
    warm_up: int
    turns: int


CASES = {
    "tiny": Case(
        name="GRPO step, 0.8 M parameters, 16 prompts × 8 rollouts of 10 tokens",
        make=make_text_model,
        task=ReasoningGym(
            source="reasoning_gym", tasks={"spell_backward": {"min_word_len": 3, "max_word_len": 8}}, max_new_tokens=10
        ),
        prompts=16, group=8, steps=20, warm_up=4, turns=3,
    ),
    "smollm2": Case(
        name="GRPO step, SmolLM2-135M, 4 prompts × 8 rollouts of 24 tokens",
        make=make_smollm2,
        task=ReasoningGym(source="reasoning_gym", tasks={"chain_sum": {"min_terms": 2, "max_terms": 2}}, max_new_tokens=24),
        prompts=4, group=8, steps=4, warm_up=1, turns=1,
    ),
}  # fmt: skip


def measure(case: str, folder: Path) -> dict[str, Any]:
    """tokens/s, seconds per step and peak memory of both, and their ratio, over all counted steps. `folder`: where models are kept."""
    chosen = CASES[case]
    model = chosen.make(folder / case)
    runs: dict[str, list[dict[str, Any]]] = {"copd": [], "trl": []}
    for _ in range(chosen.turns):
        for side, results in runs.items():
            results.append(_in_process_of_its_own(side, case, model))
    sides = {side: _summary(results) for side, results in runs.items()}
    ratio = sides["copd"]["tokens_per_second"] / sides["trl"]["tokens_per_second"]
    return {"name": chosen.name, "ratio": ratio, "wanted": "≥ 2", "sides": sides}


def _in_process_of_its_own(side: str, case: str, model: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.grpo_step", "--side", side, "--case", case, "--model", str(model)]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet).stdout.splitlines()[-1])


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [s for result in results for s in result["seconds"]]
    tokens = [t for result in results for t in result["tokens"]]
    return {
        "tokens_per_second": sum(tokens) / sum(seconds),
        "seconds_per_step": statistics.median(seconds),
        "tokens_per_step": sum(tokens) / len(tokens),
        "peak_mib": max(result["peak_mib"] for result in results),
        "reward_last": statistics.mean(result["rewards"][-1] for result in results),
    }


def run_copd(case: Case, model: Path) -> dict[str, Any]:
    """The engine's own Trainer."""
    from copd_engine.clock import Clock
    from copd_engine.control import values_at
    from copd_engine.expert import Expert
    from copd_engine.fingerprint import make_deterministic
    from copd_engine.policy import Policy
    from copd_engine.spec import parse_spec
    from copd_engine.training import Trainer

    make_deterministic(1)
    spec = parse_spec({
        "name": "benchmark", "method": "experts", "domains": {"text": case.task.model_dump()}, "experts": {"text": {"domain": "text"}},
        "model": {"path": str(model)}, "rlvr": {"prompts": case.prompts, "group": case.group}, "optimizer": {"lr": LR},
    })  # fmt: skip
    expert = Expert("text", Policy.load(model), spec.optimizer)
    trainer = Trainer(expert, spec, [build_domain("text", case.task)], {}, Clock(), lambda: None)
    told = []
    for _ in range(case.steps):
        spent = trainer.step(values_at(spec, [], [], policy="text", teachers=[], step=expert.step + 1))
        told.append({value.name: value.value for value in spent.values})
    return _result(case, *([step[name] for step in told] for name in ("step_seconds", "tokens", "reward")))


def run_trl(case: Case, model: Path) -> dict[str, Any]:
    """TRL's GRPOTrainer, timed from one optimizer step to the next."""
    import logging
    import time

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    trl: Any = importlib.import_module("trl")  # it exports its names lazily, which type checkers do not see

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    seconds, tokens, rewards = list[float](), list[float](), list[float]()

    class Watch(TrainerCallback):
        began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds.append(time.perf_counter() - self.began)

    def reward(completions: list[Any], answer: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        scores = [float(c[0]["content"].strip() == right) for c, right in zip(completions, answer, strict=True)]
        tokens.append(float(sum(map(len, completion_ids))))
        rewards.append(sum(scores) / len(scores))
        return scores

    domain: Domain = build_domain("text", case.task)
    prompts = [domain.prompt("train", number) for number in range(case.prompts * case.steps)]
    rows = [{"prompt": [{"role": "user", "content": p.text}], "answer": p.answer} for p in prompts]
    with tempfile.TemporaryDirectory() as output:
        config = trl.GRPOConfig(
            output_dir=output, max_steps=case.steps, per_device_train_batch_size=case.prompts * case.group, num_generations=case.group,
            max_completion_length=case.task.max_new_tokens, temperature=1.0, epsilon=0.2, epsilon_high=0.28, beta=0.0, loss_type="grpo",
            learning_rate=LR, lr_scheduler_type="constant", weight_decay=0.01, use_cpu=True, bf16=False, gradient_checkpointing=False,
            report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        trainer = trl.GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
            reward_funcs=reward,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(model),
            callbacks=[Watch()],
        )
        trainer.train()
    return _result(case, seconds, tokens, rewards)


def _result(case: Case, seconds: list[float], tokens: list[float], rewards: list[float]) -> dict[str, Any]:
    # Not getrusage's: that begins at the size of the process that started this one.
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024
    return {"seconds": seconds[case.warm_up :], "tokens": tokens[case.warm_up :], "rewards": rewards, "peak_mib": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), default="tiny")
    parser.add_argument("--side", choices=list(SIDES), help="one side alone, in this process")
    parser.add_argument("--model", type=Path, default=Path(tempfile.gettempdir()) / "copd-benchmarks", help="where the model is kept")
    options = parser.parse_args()
    result = SIDES[options.side](CASES[options.case], options.model) if options.side else measure(options.case, options.model)
    print(json.dumps(result))


SIDES = {"copd": run_copd, "trl": run_trl}


if __name__ == "__main__":
    main()
