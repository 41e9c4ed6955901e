"""Watches live attempts: notes who has begun, takes the results of those that ended, gives up those that are lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from sqlalchemy import func, select, update

from server.db.models import Attempt, Run
from server.notices import runs_changed
from server.scheduler.archive import Archive
from server.scheduler.judge import LIVE, LiveAttempt, Order, Verdict, verdict
from server.scheduler.leader import Term
from server.scheduler.metrics import ENDED
from server.scheduler.outcome import commit_lost, commit_result
from server.scheduler.sight import Sight
from server.stream_ids import stream_order
from worker.bus import Changed, Wakeup, orders_key, run_stream

ORDER_SECONDS = 600
"""How long an order that nobody carried out is kept."""
ENDS_PER_LOOK = 50
"""Attempts whose end is committed in one look: others wait for work meanwhile."""


class Watch:
    def __init__(self, term: Term, client: redis.Redis, archive: Archive) -> None:
        self._term, self._redis, self._archive = term, client, archive
        self.told: dict[int, str] = {}
        """Attempts whose worker said that they ended, and where it is known why without a result."""
        self.ended: dict[str, int] = {}
        """Worker → its attempt that ended last: the worker is free although its report may not say so yet."""
        self.changed: set[str] = set()
        """Runs of which an attempt has ended."""
        self._marks: dict[int, str] = {}
        """Lost attempt → where its run's stream ended when that was seen."""

    def hear(self, wakeups: Sequence[Wakeup]) -> None:
        """Notes whose end was told."""
        for wakeup in wakeups:
            if wakeup.reason == "attempt_ended" and wakeup.attempt is not None:
                self.told[wakeup.attempt] = wakeup.why

    def live_attempts(self) -> list[LiveAttempt]:
        age = func.extract("epoch", func.now() - Attempt.sent_at)
        query = select(Attempt.id, Attempt.run_id, Attempt.segment_key, Attempt.worker, Attempt.state, age)
        with self._term.reading() as session:
            rows = session.execute(query.where(Attempt.state.in_(LIVE)).order_by(Attempt.id)).all()
        live = [LiveAttempt(*row[:5], age=float(row[5])) for row in rows]
        alive = {attempt.id for attempt in live}
        self.told = {attempt: why for attempt, why in self.told.items() if attempt in alive}
        return live

    def take_outcomes(self, live: Sequence[LiveAttempt], sight: Sight) -> bool:
        """Returns whether there may be more to commit than one look takes."""
        verdicts = {a: verdict(a, leases=sight.leases, told=a.id in self.told, trusted=sight.trusted) for a in live}
        self._mark_running([attempt for attempt, sign in verdicts.items() if sign is Verdict.claimed])
        committed = 0
        for attempt, sign in verdicts.items():
            if sign in (Verdict.look, Verdict.ended):
                committed += self._look_for_result(attempt, sign)
                if committed == ENDS_PER_LOOK:
                    return True
        return False

    def give_up(self, run: str, attempt: int, worker: str, why: str, *, counts: bool) -> None:
        """Plans an attempt's segment again. See commit_lost."""
        events = list(self._archive.events(run, attempt))
        with self._term.transaction() as session:
            commit_lost(session, run, attempt, events, why=why, counts=counts)
        self.order(worker, attempt, Order.kill)  # should it still run somewhere
        self._marks.pop(attempt, None)
        self.tell(run, "run", "segments", "checkpoints", "log")

    def order(self, worker: str, attempt: int, due: Order) -> None:
        """Tells a worker to end an attempt."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(orders_key(worker), str(attempt), due.value)
        pipe.expire(orders_key(worker), ORDER_SECONDS)
        pipe.execute()

    def tell(self, run: str, *changed: Changed) -> None:
        """Tells the run's viewers what to fetch again."""
        self.tell_all([run], *changed)

    def tell_all(self, runs: Sequence[str], *changed: Changed) -> None:
        """The same of several runs."""
        runs_changed(runs, *changed, wake=False, client=self._redis)

    def _look_for_result(self, attempt: LiveAttempt, sign: Verdict) -> bool:
        """Commits how the attempt ended, where that is known. Returns whether it was."""
        result = self._archive.result(attempt.run, attempt.id)
        if result is not None:
            with self._term.transaction() as session:
                changed = commit_result(session, attempt.run, attempt.id, result)
            ENDED.labels(result.outcome).inc()
            self.told.pop(attempt.id, None)
            self.ended[attempt.worker] = attempt.id
            self.changed.add(attempt.run)
            if changed:
                self.tell(attempt.run, *changed)
            return True
        if sign is Verdict.ended and self._is_recorded(attempt):
            self.give_up(attempt.run, attempt.id, attempt.worker, self._why_lost(attempt), counts=True)
            return True
        return False

    def _why_lost(self, attempt: LiveAttempt) -> str:
        if attempt.id not in self.told:
            return f"{attempt.worker} was lost"
        why = self.told[attempt.id]
        return f"{attempt.worker} could not leave its result: {why}" if why else f"its process on {attempt.worker} died"

    def _is_recorded(self, attempt: LiveAttempt) -> bool:
        """Whether the recorder has stored all that a lost attempt sent: its successor must know every binding it made."""
        newest: Any = self._redis.xrevrange(run_stream(attempt.run), count=1)
        end = newest[0][0].decode() if newest else "0-0"
        mark = self._marks.setdefault(attempt.id, end)
        with self._term.reading() as session:
            position = session.scalars(select(Run.stream_position).where(Run.id == attempt.run)).one()
        return stream_order(position) >= min(stream_order(mark), stream_order(end))

    def _mark_running(self, claimed: Sequence[LiveAttempt]) -> None:
        if not claimed:
            return
        with self._term.transaction() as session:
            begun = update(Attempt).where(Attempt.id.in_([attempt.id for attempt in claimed]), Attempt.state == "sent")
            session.execute(begun.values(state="running", started_at=func.now()))
        self.tell_all(sorted({attempt.run for attempt in claimed}), "segments")
