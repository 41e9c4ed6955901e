"""The figures of a run's System tab: where the time goes, whether training is stable, and how the machines are."""

from __future__ import annotations

from functools import partial

from server.figures import curves, machines, times
from server.figures.data import Cast
from server.figures.kind import FigureKind

THROUGHPUT = FigureKind(
    name="throughput",
    title="How fast is each expert generating?",
    help="Tokens an expert generates per second of a training step, scoring and update included. Higher is better; a drop says the "
    "machine is shared or the answers got shorter.",
    unit="tokens per second",
    draw=curves.per_expert,
    series=("tokens_per_second",),
    tab="system",
)
TIME_SPLIT = FigureKind(
    name="time_split",
    title="Where does each expert's time go?",
    help="From an expert's first training segment to its last: seconds at each part of the work, and seconds in which nothing of it was "
    "trained because it waited for a worker, a teacher or a person. Less waiting is better.",
    unit="seconds",
    draw=times.time_split,
    has_x=False,
    needs_spells=True,
    tab="system",
)
LOSS = FigureKind(
    name="loss",
    title="Is the policy loss finite and calm?",
    help="Loss of an expert's rewarded part at each step. Its level says little, for advantages are centred; spikes or a steady "
    "climb are bad.",
    unit="loss",
    draw=curves.per_expert,
    shows=(-1e-3, 1e-3),
    series=("loss",),
    domain="",
    tab="system",
)
GRAD_NORM = FigureKind(
    name="grad_norm",
    title="Are the gradients under control?",
    help="Norm of all gradients of a step before clipping. Flat or slowly falling is good; a spike often comes before a collapse of "
    "the reward.",
    unit="gradient norm",
    draw=curves.per_expert,
    series=("grad_norm",),
    tab="system",
)
LEARNING_RATE = FigureKind(
    name="lr",
    title="What learning rate is each expert at?",
    help="The optimizer's learning rate at each step, warm-up and edits included. It should follow the schedule you wrote; there is no "
    "better direction.",
    unit="learning rate",
    draw=curves.per_expert_from_zero,
    series=("lr",),
    tab="system",
)
ENTROPY = FigureKind(
    name="entropy",
    title="Does each expert still explore?",
    help="Mean entropy of an expert's next-token distribution on its own rollouts. A slow fall is normal and near 0 is bad: all rollouts "
    "of a group are alike then, and nothing is left to learn from.",
    unit="nats per token",
    draw=curves.per_expert,
    series=("entropy",),
    domain="",
    tab="system",
)
LENGTH = FigureKind(
    name="completion_length",
    title="How long are the answers?",
    help="Mean number of tokens in an expert's training rollouts. Steady or slowly moving is good; a jump to the limit or towards 0 "
    "often means that the reward is being gamed.",
    unit="tokens",
    draw=curves.per_expert,
    series=("completion_length",),
    domain="",
    tab="system",
)
CLIP_FRACTION = FigureKind(
    name="clip_fraction",
    title="How often does clipping stop the update?",
    help="Share of tokens whose gradient the clip range cut off. A few percent are healthy; much more says that the learning rate or the "
    "number of updates per rollout is too high.",
    unit="share of tokens",
    draw=curves.per_expert,
    series=("clip_fraction",),
    domain="",
    range=(0.0, 1.0),
    tab="system",
)
KL_REFERENCE = FigureKind(
    name="kl_reference",
    title="How far has each expert left its reference?",
    help="KL of the policy from the reference that `rlvr.kl` holds it near. It grows as the expert learns; a sudden climb is bad.",
    unit="nats per token",
    draw=curves.per_expert,
    series=("kl_reference",),
    domain="",
    tab="system",
)
MACHINE_LOAD = FigureKind(
    name="machine_load",
    title="How busy are the machines?",
    help="Share of all cores at work on each host that this run used, and dotted the share of time in which each worker's GPU computed; "
    "all that runs there together. A GPU that is busy most of the time is good; cores at 1 for long say that workers get in each "
    "other's way.",
    unit="share at work",
    draw=machines.load,
    range=(0.0, 1.0),
    is_timed=True,
    needs_machines=True,
    tab="system",
)
MACHINE_MEMORY = FigureKind(
    name="machine_memory",
    title="How full is the machines' memory?",
    help="Share of each host's memory in use, and dotted of each worker's GPU memory; all that runs there together. Below 0.9 is good; "
    "near 1 the next larger batch does not fit.",
    unit="share in use",
    draw=machines.memory,
    range=(0.0, 1.0),
    is_timed=True,
    needs_machines=True,
    tab="system",
)
WORKER_MEMORY = FigureKind(
    name="worker_memory",
    title="How much memory does each worker take?",
    help="Main memory that a worker's own process holds. Steady is good; a line that only climbs is a leak.",
    unit="GB",
    draw=machines.process,
    is_timed=True,
    needs_machines=True,
    tab="system",
)
MACHINE_DISK = FigureKind(
    name="machine_disk",
    title="How much disk is left?",
    help="Free space on the disk that holds each host's COPD_HOME. Falling steadily says that checkpoints pile up; more is better.",
    unit="GB free",
    draw=machines.disk,
    is_timed=True,
    needs_machines=True,
    tab="system",
)


def kinds(cast: Cast) -> list[FigureKind]:
    """In the order of the tab. Only what can ever hold something."""
    return [
        THROUGHPUT,
        TIME_SPLIT,
        *map(_step_time, cast.experts),
        *([LOSS] if cast.is_rewarded else []),
        GRAD_NORM,
        LEARNING_RATE,
        *([ENTROPY, LENGTH] if cast.is_rewarded else []),
        *([CLIP_FRACTION] if cast.is_clipped else []),
        *([KL_REFERENCE] if cast.has_reference else []),
        MACHINE_LOAD,
        MACHINE_MEMORY,
        WORKER_MEMORY,
        MACHINE_DISK,
    ]


def _step_time(policy: str) -> FigureKind:
    return FigureKind(
        name=f"step_time.{policy}",
        title=f"What takes the time in a step of {policy}?",
        help="Seconds of a step spent generating (rollout), asking teachers and references (score) and learning (update), and above them "
        "the whole step: what lies between is rewards and the rest. Lower is better; the thickest band is what to speed up.",
        unit="seconds",
        draw=partial(times.step_time, policy),
        series=("seconds.rollout", "seconds.score", "seconds.update", "step_seconds"),
        policy=policy,
        tab="system",
    )
