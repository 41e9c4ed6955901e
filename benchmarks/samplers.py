"""The local sampler beside continuous batching, on completions of very unequal lengths: `python -m benchmarks.samplers`.

Both give the same tokens. One thread; tokens per second of processor time, the better of two turns each.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

from torch import Tensor

from benchmarks.grpo_step import CASES
from copd_engine.domains import build_domain
from copd_engine.fingerprint import make_deterministic
from copd_engine.policy import Policy
from copd_engine.rollout import SampleRequest
from copd_engine.samplers import sampler_for
from copd_engine.spec import Sampling
from copd_engine.spec.sampling import SamplingEngine

ENGINES: tuple[SamplingEngine, ...] = ("local", "continuous")


class Unequal(Policy):
    """Ends a completion at any token with the same probability, so that lengths spread geometrically."""

    ends = 0.0

    def allowed(self, logits: Tensor, temperature: float) -> Tensor:
        eos = list(self.eos_ids)
        others = super().allowed(logits, temperature).clone()
        others[..., eos] = -1e9
        others[..., eos[0]] = others.logsumexp(dim=-1) + math.log(self.ends / (1 - self.ends))
        return others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), default="tiny")
    parser.add_argument("--tokens", type=int, default=64, help="the longest completion; the mean is a quarter of it")
    parser.add_argument("--batch", type=int, nargs="+", default=[0, 32, 8], help="completions under way at once; 0: all")
    parser.add_argument("--models", type=Path, default=Path(tempfile.gettempdir()) / "copd-benchmarks", help="where models are kept")
    options = parser.parse_args()
    make_deterministic(1)
    case = CASES[options.case]
    policy = Unequal.load(case.make(options.models / options.case))
    policy.ends = 4 / options.tokens
    domain = build_domain("text", case.task)
    prompts = [domain.prompt("heldout", number) for number in range(case.prompts)]
    for batch in options.batch:
        request = SampleRequest(prompts, (0,), case.group, options.tokens, sampling=Sampling(batch=batch))
        speeds: dict[str, float] = dict.fromkeys(ENGINES, 0.0)
        for engine in ENGINES * 2:
            begun = time.process_time()
            tokens = int(sampler_for(policy, engine).sample(request).mask.sum())
            speeds[engine] = max(speeds[engine], tokens / (time.process_time() - begun))
        print(f"batch {batch or 'all'}:", ", ".join(f"{name} {speed:,.0f} tokens/s" for name, speed in speeds.items()))


if __name__ == "__main__":
    main()
