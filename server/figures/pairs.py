"""The figures of one pair of policies. Their names carry the pair: `pair.overlap.text.image` is text, the student, beside image."""

from __future__ import annotations

from dataclasses import dataclass

from server.figures.build import find as find_listed
from server.figures.data import Cast
from server.figures.kind import FigureKind
from server.figures.pair_curves import Worst, lines

PREFIX = "pair"


@dataclass(frozen=True)
class Measure:
    """One way to compare two policies, with the words to read it; {student} and {teacher} stand for the names."""

    series: str
    title: str
    help: str
    unit: str
    worst: Worst
    word: str
    range: tuple[float, float] | None = None


PAIR_MEASURES = (
    Measure(
        "overlap",
        "How many likely tokens do {student} and {teacher} share?",
        "Of the next tokens {student} finds likeliest ({{top_k}} of them), the share that {teacher} has among its own; on states "
        "{student} visits. High is good for teaching: experts of the paper that teach each other stay above 0.9.",
        "overlap",
        min,
        "lowest",
        (0.0, 1.0),
    ),
    Measure(
        "argmax_agreement",
        "Would {student} and {teacher} say the same token?",
        "How often both have the same first choice for the next token; on states {student} visits. 1 = always; higher is better for "
        "teaching.",
        "share of states",
        min,
        "lowest",
        (0.0, 1.0),
    ),
    Measure(
        "jsd",
        "How far apart are {student} and {teacher} on the whole?",
        "Jensen–Shannon divergence: how well one can tell from a token which of the two said it. 0 = not at all, 0.69 = always; lower is "
        "better for teaching.",
        "nats per token",
        max,
        "highest",
        (0.0, 0.6932),
    ),
    Measure(
        "kl_student_teacher",
        "How surprised is {teacher} by what {student} says?",
        "KL({student} ‖ {teacher}) on states {student} visits, in nats per token: large where {student} says what {teacher} finds "
        "unlikely. 0 = alike; distillation brings it down.",
        "nats per token",
        max,
        "highest",
    ),
    Measure(
        "kl_teacher_student",
        "How surprised is {student} by what {teacher} says?",
        "KL({teacher} ‖ {student}) on states {student} visits, in nats per token: large where {student} has given up what {teacher} finds "
        "likely. 0 = alike; lower is better for teaching.",
        "nats per token",
        max,
        "highest",
    ),
    Measure(
        "entropy_gap",
        "Is {teacher} as sure of its words as {student}?",
        "Entropy of {teacher} minus that of {student}, in nats per token: above 0, {teacher} hesitates more; below 0, {student} does. "
        "Near 0 is good: neither has to learn confidence instead of content.",
        "nats per token",
        lambda values: max(values, key=abs),
        "largest",
    ),
)


def pairs(cast: Cast) -> list[tuple[str, str]]:
    """Every (student, peer) that is compared."""
    return [(student, peer) for student in cast.experts for peer in cast.peers if student != peer]


def pair_catalogue(student: str, teacher: str) -> list[FigureKind]:
    """The figures of one pair, in the order of the page."""
    return [_kind(measure, student, teacher) for measure in PAIR_MEASURES]


def find(cast: Cast, name: str) -> FigureKind | None:
    """A figure of the run by its name: one of the catalogue, or one of a pair."""
    if not name.startswith(f"{PREFIX}."):
        return find_listed(cast, name)
    return next((kind for pair in pairs(cast) for kind in pair_catalogue(*pair) if kind.name == name), None)


def _kind(measure: Measure, student: str, teacher: str) -> FigureKind:
    names = {"student": student, "teacher": teacher}
    return FigureKind(
        name=f"{PREFIX}.{measure.series}.{student}.{teacher}",
        title=measure.title.format_map(names),
        help=measure.help.format_map(names),
        unit=measure.unit,
        draw=lines(measure.worst, measure.word),
        series=(measure.series,),
        policy=student,
        peer=teacher,
        range=measure.range,
        tab="agreement",
    )
