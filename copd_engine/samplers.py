"""Which engine generates: `sampling.engine` of a spec. All stand behind `rollout.Sampler`."""

from __future__ import annotations

from copd_engine.policy import Policy
from copd_engine.preflight import check_engine
from copd_engine.rollout import LocalSampler, Sampler
from copd_engine.spec.sampling import SamplingEngine


def sampler_for(policy: Policy, engine: SamplingEngine) -> Sampler:
    """A sampler of the policy as it is whenever it is asked.

    Raises SpecError for an engine that is not installed, ValueError for a policy that it cannot run; both name `sampling.engine`.
    """
    check_engine(engine)
    match engine:
        case "local":
            return LocalSampler(policy)
        case "continuous":
            from copd_engine.continuous import ContinuousSampler

            return ContinuousSampler(policy)
        case "vllm":
            from copd_engine.vllm_sampler import VllmSampler  # what is not installed everywhere is imported where it is used

            return VllmSampler(policy)
