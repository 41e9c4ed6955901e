"""Judging a completion: each kind of verifier, and their weighted sum. Some call code that may raise or hang: see `judge`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from copd_engine import spec
from copd_engine.domains.base import Prompt, Reward, exact_match, verdict

Score = Callable[[Prompt, str], float | tuple[float, str]]
"""What `copd.verifiers` entry points and reasoning-gym's scorers are: a number in [0, 1], with a reason or without."""

PLUGINS: Final = "copd.verifiers"
BOXED: Final = "boxed"
_NUMBER: Final = re.compile(r"[+-]?((\d{1,3}(,\d{3})+|\d+)(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LABEL: Final = re.compile(r"\(?([A-Za-z0-9]+)[).:]?")


def judged(verifiers: Sequence[spec.Verifier], scores: Sequence[Score | None], prompt: Prompt, completion: str) -> Reward:
    """Σ weight · value / Σ weight. One that raises makes the whole sample 0, with `failed` and the reason.

    scores: for each verifier the function it calls, where it calls one.
    """
    rewards = []
    for verifier, score in zip(verifiers, scores, strict=True):
        try:
            rewards.append(_judged(verifier, score, prompt, completion))
        except Exception as error:  # noqa: BLE001 – whatever a third party's verifier raises must not end the run
            return failure(f"verifier {verifier.kind} raised {type(error).__name__}: {error}")
    if len(rewards) == 1:
        return rewards[0]
    weights = [verifier.weight for verifier in verifiers]
    value = math.fsum(w * reward.value for w, reward in zip(weights, rewards, strict=True)) / math.fsum(weights)
    parts = (f"{v.kind} {reward.value:g} ({reward.reason})" for v, reward in zip(verifiers, rewards, strict=True))
    return Reward(min(value, 1.0), "; ".join(parts))


def failure(reason: str) -> Reward:
    """The zero of a sample whose verifier did not work."""
    return Reward(0.0, " ".join(reason.split())[:500], failed=True)


def _judged(verifier: spec.Verifier, score: Score | None, prompt: Prompt, completion: str) -> Reward:
    if problem := answer_problem(verifier, prompt.answer):
        raise ValueError(problem)
    match verifier:
        case spec.Format():
            found = placed(completion, verifier.within) is not None
            return Reward(float(found), "well formed" if found else _misplaced(verifier.within))
        case spec.Regex():
            pattern = verifier.pattern.replace("{answer}", re.escape(prompt.answer))
            return verdict(re.fullmatch(pattern, completion.strip(), re.DOTALL) is not None, prompt, completion)
        case spec.ReasoningGymScorer() | spec.Plugin():
            assert score is not None
            return _scored(verifier, score, prompt, completion)
        case spec.Exact() | spec.Numeric() | spec.Math() | spec.Choice():
            text = placed(completion, verifier.within) if verifier.within else completion
            return Reward(0.0, _misplaced(verifier.within or "")) if text is None else _compared(verifier, prompt, text)


def _compared(verifier: spec.Exact | spec.Numeric | spec.Math | spec.Choice, prompt: Prompt, text: str) -> Reward:
    """Whether the judged text says what the answer says."""
    match verifier:
        case spec.Exact():
            return exact_match(prompt, text)
        case spec.Numeric():
            wanted, given = number(prompt.answer), number(text)
            assert wanted is not None
            near = given is not None and abs(given - wanted) <= max(verifier.tolerance, verifier.relative * abs(wanted))
            return verdict(near, prompt, text)
        case spec.Math():
            return verdict(_equal_expressions(prompt.answer, text), prompt, text)
        case spec.Choice():
            return verdict(label(text, verifier.choices) == label(prompt.answer, verifier.choices), prompt, text)


def answer_problem(verifier: spec.Verifier, answer: str) -> str | None:
    """Why a verifier could never pay this answer; None where it could."""
    if isinstance(verifier, spec.Numeric) and number(answer) is None:
        return f"the verifier numeric needs a number, not {answer[:60]!r}"
    if isinstance(verifier, spec.Choice) and label(answer, verifier.choices) is None:
        return f"the verifier choice needs one of {', '.join(verifier.choices)}, not {answer[:60]!r}"
    return None


def number(text: str) -> float | None:
    """The finite number that the whole text is, thousands separated by commas or not; None for anything else."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text.replace(",", ""))
    return value if math.isfinite(value) else None


def label(text: str, choices: Sequence[str]) -> str | None:
    """The choice that the whole text names, as B, (B), B. or b; None for anything else."""
    found = _LABEL.fullmatch(text.strip())
    known = {choice.lower(): choice for choice in choices}
    return known.get(found[1].lower()) if found else None


def placed(text: str, within: str) -> str | None:
    """What stands in the one \\boxed{…}, or between the one <tag> and </tag> that ends the text; None for none, several or an empty one.

    Only one is allowed, so that a policy cannot list several answers.
    """
    if within == BOXED:
        return _boxed(text)
    opening, closing = f"<{within}>", f"</{within}>"
    start, text = text.find(opening), text.rstrip()
    if text.count(opening) != 1 or text.count(closing) != 1 or not text.endswith(closing):
        return None
    return text[start + len(opening) : -len(closing)].strip() or None


def _boxed(text: str) -> str | None:
    opening = "\\boxed{"
    if text.count(opening) != 1:
        return None
    start = text.index(opening) + len(opening)
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place].strip() or None
    return None


def _misplaced(within: str) -> str:
    return "needs exactly one \\boxed{…}" if within == BOXED else f"needs exactly one <{within}>…</{within}>, at its end"


def _equal_expressions(answer: str, text: str) -> bool:
    """math-verify's judgement, its own time limits off: they need the main thread, and `judge` sets one."""
    from math_verify import parse, verify  # most of a second to import: not before a formula is judged

    untimed: Any = None  # the package takes None for "no limit" and annotates an int
    wanted, given = (parse(piece if BOXED in piece else f"\\boxed{{{piece.strip()}}}", parsing_timeout=untimed) for piece in (answer, text))
    if not wanted:
        raise ValueError(f"math-verify cannot read the answer {answer!r}")
    return bool(verify(wanted, given, timeout_seconds=None))


def _scored(verifier: spec.Verifier, score: Score, prompt: Prompt, completion: str) -> Reward:
    result = score(prompt, completion)
    value, reason = result if isinstance(result, tuple) else (result, None)
    value = float(value)
    if not 0 <= value <= 1:
        raise ValueError(f"it returned {value}; a value lies in [0, 1]")
    if isinstance(verifier, spec.ReasoningGymScorer):
        return verdict(value == 1.0, prompt, completion)
    return Reward(value, f"scored {value:g}" if reason is None else str(reason))


def plugin(name: str) -> EntryPoint:
    """The entry point of that name. Raises ValueError where there is none, naming those there are."""
    found = {entry.name: entry for entry in entry_points(group=PLUGINS)}
    if name not in found:
        raise ValueError(
            f"verifier: no plugin '{name}' is installed in the entry point group {PLUGINS}; there are {', '.join(found) or 'none'}"
        )
    return found[name]
