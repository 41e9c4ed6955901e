"""The parts of a report as HTML. Pure; everything a person wrote is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from client.models import OVER, Attempt, Edit, Figure, Result, Run
from client.words import duration

UNKNOWN = "–"


def header(run: Run, made_at: datetime) -> str:
    progress = run.progress
    facts = [run.state, f"method {run.method}", f"{progress.steps} of {progress.total_steps} steps of all experts"]
    if run.started_at:
        end = run.ended_at or made_at
        facts.append(f"{moment(run.started_at)}, {duration((end - run.started_at).total_seconds())}")
    lines = [f"<h1>{escape(run.name)}</h1>", f'<p class="facts">{" · ".join(map(escape, facts))}</p>']
    if run.tags:
        lines.append(f'<p class="tags">{"".join(f"<span>{escape(tag)}</span>" for tag in run.tags)}</p>')
    if run.state not in OVER:
        lines.append(f'<p class="note">The run was not over when this was made, {moment(made_at)}.</p>')
    if run.error:
        lines.append(f'<p class="note failed">Failed: {escape(run.error.message)}</p>')
    if run.notes:
        lines.append(f'<p class="notes">{escape(run.notes)}</p>')
    return f"<header>{''.join(lines)}</header>"


def result(run: Run, card: Result) -> str:
    """Means over the domains, and accuracy by policy and domain with 95 % intervals."""
    scores = {(score.policy, score.domain): score for score in card.scores}
    if not scores:
        return _section("Result", "<p>Nothing has been evaluated yet.</p>")
    margin = f" ± {1.96 * card.merged_mean_se:.3f}" if card.merged_mean_se is not None else ""
    tiles = [
        ("merged model, mean of all domains", _number(card.merged_mean) + margin),
        *([(f"its best, at step {card.best_step}", _number(card.best_mean))] if card.best_step not in (None, card.step) else []),
        ("base model", _number(card.base_mean)),
        (f"best expert{f': {card.best_expert}' if card.best_expert else ''}", _number(card.best_expert_mean)),
        ("edits by people", str(card.edits)),
    ]
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in tiles)
    names = [policy.name for policy in run.policies if any((policy.name, domain) in scores for domain in run.domains)]
    rows = [[name, *(_score(scores.get((name, domain))) for domain in run.domains)] for name in names]
    table = _table(["accuracy (95 % interval)", *run.domains], rows)
    return _section("Result", f'<dl class="tiles">{shown}</dl>{table}')


def figure(drawn: Figure) -> str:
    return (
        f"<section class='figure'><h2>{escape(drawn.title)}</h2><p class='help'>{escape(drawn.help)}</p>"
        f"<div class='chart' data-figure='{escape(drawn.name)}'></div><p class='summary'>{escape(drawn.summary)}</p></section>"
    )


def edits(run: Run) -> str:
    if not run.edits:
        return _section("Edits", "<p>Nothing was changed while it ran.</p>")
    rows = [[edit.path, f"{edit.old} → {edit.value}", edit.author, moment(edit.requested_at), _effect(edit)] for edit in run.edits]
    return _section("Edits", _table(["what", "change", "by", "requested", "effective"], rows))


def budgets(card: Result) -> str:
    rows = [[b.policy, f"{b.optimizer_steps:,}", f"{b.rollouts:,}", f"{b.tokens:,}"] for b in card.budgets]
    return _section("Budget", _table(["expert", "optimizer steps", "rollouts", "tokens"], rows)) if rows else ""


def provenance(run: Run, attempts: Sequence[Attempt], card: Result, url: str) -> str:
    facts = [
        ("run", run.id),
        ("submitted", f"{moment(run.created_at)} by {run.created_by}"),
        ("server", url),
        ("seed", str(run.spec.get("seed", UNKNOWN))),
        ("model", str(run.spec.get("model", {}).get("path", UNKNOWN))),
        ("SHA-256 of the spec as submitted", hashlib.sha256(run.source.encode()).hexdigest()),
        (f"digest of the merged model at step {card.step}", card.digest or UNKNOWN),
        *ran_on([attempt.provenance for attempt in attempts if attempt.provenance]),
    ]
    return _section("Provenance", _table([], [[name, value] for name, value in facts], kind="facts"))


def ran_on(found: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Code, packages, hardware and data of all attempts; what was not the same for all is told in full."""
    return [
        ("code", _different(_code(each["code"]) for each in found)),
        ("packages", _different(_pairs(each["packages"]) for each in found)),
        ("hardware", _different(_pairs(each["hardware"]) for each in found)),
        ("data", _pairs({name: digest for each in found for name, digest in each["data"].items()})),
    ]


def spec(run: Run) -> str:
    return _section("Spec", f"<pre>{escape(run.source)}</pre>")


def moment(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M %Z}"


def _effect(edit: Edit) -> str:
    if edit.effective:
        return ", ".join(f"{effect.policy} from step {effect.step}" for effect in edit.effective)
    return edit.expected or ("acknowledged" if edit.acknowledged_at else "requested")


def _code(code: dict[str, str | None]) -> str:
    if code["commit"] is None:
        return "as packaged"
    return f"commit {code['commit']}" + (f", changed (diff {code['changes']})" if code["changes"] else "")


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or UNKNOWN


def _different(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts)) or UNKNOWN


def _score(score: Any) -> str:
    return f"{score.accuracy:.3f} ({score.low:.2f}–{score.high:.2f})" if score else ""


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    head = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}">{head}<tbody>{body}</tbody></table></div>'
