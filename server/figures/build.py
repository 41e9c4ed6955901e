"""The catalogue of figures, and how one becomes Plotly JSON. A new chart is one entry here and one function."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from server.api.schemas.series import Figure
from server.figures import absorbed, curves, matrix, system, timeline
from server.figures.data import Axis, Cast, FigureData
from server.figures.kind import FigureKind
from server.figures.parts import BASE_LAYOUT, edit_marks, x_axis

MARGIN = 0.02
"""Beyond the range of what is possible, so that a marker at its end is whole."""


AGREEMENT = FigureKind(
    name="agreement",
    title="Do the experts still think alike?",
    help="Of the next tokens each expert finds likeliest ({top_k} of them), the share that two of them have in common; 1 = alike, "
    "and all start at 1 because they share a base. High is good for teaching: experts of the paper that teach each other stay above 0.9.",
    unit="overlap",
    draw=matrix.agreement,
    series=("overlap",),
    domain="",
    range=matrix.RANGE,
    has_x=False,
)
OVERLAP = FigureKind(
    name="overlap",
    title="Is the experts' agreement holding up?",
    help="Shared part of the likeliest next tokens ({top_k} of them) for every pair, student ← teacher, on states the student "
    "visits. High is good for teaching: experts of the paper that teach each other stay above 0.9. Thin and faint: another run of the same "
    "model and seed, for comparison.",
    unit="overlap",
    draw=curves.per_pair,
    series=("overlap",),
    domain="",
    compares=True,
)
DIVERGENCE = FigureKind(
    name="divergence",
    title="How far apart have the experts drifted?",
    help="Symmetric KL of every pair, student ← peer, on states the student visits: how surprised each is by the other's words, "
    "in nats per token. 0 = alike; lower is better for teaching.",
    unit="nats per token",
    draw=curves.per_pair,
    series=("symmetric_kl",),
    domain="",
    compares=True,
)
REWARD = FigureKind(
    name="reward",
    title="Is each expert getting better at its own task?",
    help="Mean reward of an expert's training rollouts on its own domain at each step. Higher is better; a flat line near 0 or 1 "
    "leaves nothing to learn from.",
    unit="mean reward",
    draw=curves.per_expert,
    series=("reward",),
    domain="",
    range=(0.0, 1.0),
)
IDLE_GROUPS = FigureKind(
    name="idle_groups",
    title="How many groups teach nothing?",
    help="Share of a step's groups in which every rollout got the same reward, so that the advantage is 0. Lower is better; near 1 "
    "the tasks are too easy or too hard for the expert.",
    unit="share of groups",
    draw=curves.per_expert,
    series=("zero_advantage",),
    domain="",
    range=(0.0, 1.0),
)
GAP = FigureKind(
    name="gap",
    title="How much does each teacher disagree with its student?",
    help="Mean of log teacher minus log student probability over the student's own tokens, per edge student ← teacher. It is below 0 "
    "as long as there is something to learn; rising towards 0 is good.",
    unit="gap, nats per token (0: agrees)",
    draw=curves.per_edge,
    series=("gap",),
)
WEIGHTS = FigureKind(
    name="weights",
    title="How strongly did each student follow each teacher?",
    help="The weight of every edge, student ← teacher, at each step of distillation; edits and schedules move it. 1 is the method's own "
    "strength, and 0 switches the edge off.",
    unit="weight",
    draw=curves.weights,
    series=("w",),
    range=(0.0, 1000.0),
    tab="weights",
)
ABSORBED = FigureKind(
    name="absorbed",
    title="What did each expert take over from its teachers?",
    help="A line per student ← teacher and OPD phase, from how surprised the teacher was by the student's words when the phase began to "
    "how surprised it was at its end, on the teacher's own domain. A line that falls is good: the student came nearer.",
    unit="KL, nats per token",
    draw=absorbed.draw,
    series=absorbed.SERIES[:1],
    needs_phases=True,
    tab="agreement",
)
TIMELINE = FigureKind(
    name="timeline",
    title="Who worked on what, and when?",
    help="One row per policy, one bar per attempt at a segment of the plan. Thin light bars are time spent waiting, for another policy or "
    "for a worker; fewer of them are better.",
    unit="time",
    draw=timeline.timeline,
    has_x=False,
    needs_spells=True,
)


def catalogue(cast: Cast) -> list[FigureKind]:
    """The figures of a run, in the order of its page. Only what can ever hold something: one expert has nobody to agree with."""
    pairs = [AGREEMENT, OVERLAP, DIVERGENCE] if len(cast.peers) > 1 else []
    return [
        *map(_capability, cast.domains),
        *pairs,
        *([REWARD, IDLE_GROUPS] if cast.is_rewarded else []),
        *([GAP] if cast.edges else []),
        TIMELINE,
        *system.kinds(cast),
        *([ABSORBED, WEIGHTS] if cast.edges else []),
    ]


def find(cast: Cast, name: str) -> FigureKind | None:
    return next((kind for kind in catalogue(cast) if kind.name == name), None)


def build(kind: FigureKind, data: FigureData, x: Axis = "step") -> Figure:
    """The figure as JSON: plain lists, no template (the page sets its theme's), and a uirevision that keeps zoom and legend clicks."""
    x = "time" if kind.is_timed else x
    drawing = kind.draw(data, x)
    revision = f"{data.cast.run_id}/{kind.name}"
    layout: dict[str, Any] = {**BASE_LAYOUT, **drawing.layout, "uirevision": revision}
    if kind.has_x:
        shapes, annotations = edit_marks(data, x)
        axes = {"xaxis": {**x_axis(x), "uirevision": f"{revision}/{x}"}, "yaxis": drawing.layout.get("yaxis", _y_axis(kind))}
        layout |= {**axes, "shapes": [*drawing.layout.get("shapes", []), *shapes], "annotations": annotations}
    figure = go.Figure(data=drawing.traces, layout={**layout, "template": "none"}).to_plotly_json()
    figure["layout"].pop("template")
    return Figure(
        name=kind.name,
        cursor=data.cursor,
        title=kind.title,
        help=kind.help.replace("{top_k}", str(data.cast.top_k)),
        unit=kind.unit,
        range=kind.range,
        summary=drawing.summary,
        series=list(kind.series),
        data=figure["data"],
        layout=figure["layout"],
    )


def _y_axis(kind: FigureKind) -> dict[str, Any]:
    """Fits the data, for most curves fill a small part of what is possible, but shows nothing impossible."""
    axis: dict[str, Any] = {"title": {"text": kind.unit}}
    if kind.range:
        low, high = kind.range
        axis["autorangeoptions"] = {"clipmin": low - MARGIN, "clipmax": high + MARGIN}
    if kind.shows:
        axis["autorangeoptions"] = {**axis.get("autorangeoptions", {}), "include": list(kind.shows)}
    return axis


def warm_up() -> None:
    """Makes Plotly load its parts, which it does at their first use."""
    go.Figure(data=[go.Scatter(x=[0], y=[0], error_y={"array": [0]}), go.Heatmap(z=[[0]]), go.Bar(x=[0], y=[0])], layout=BASE_LAYOUT)


def _capability(domain: str) -> FigureKind:
    return FigureKind(
        name=f"capability.{domain}",
        title=f"How well does each model do on {domain}?",
        help="Share of held-out prompts answered correctly, with 95 % intervals; higher is better. Watch the merged model: it should "
        "leave the base's line behind and come close to the best expert.",
        unit="accuracy",
        draw=curves.capability,
        series=("capability",),
        domain=domain,
        range=(0.0, 1.0),
    )
