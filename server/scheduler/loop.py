"""The scheduler's loop: look, take outcomes, move runs, send what is ready. Nothing is kept here that could not be found out again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import redis
import structlog
from pydantic import ValidationError
from sqlalchemy import func, select, update

from copd_engine.job import SegmentJob
from copd_engine.spec import SpecError
from server.db.models import Attempt, LogLine, Run
from server.db.transition import SCHEDULER
from server.notices import Changed, run_changed
from server.scheduler import control
from server.scheduler.archive import Archive
from server.scheduler.dispatch import Idle, Ready, choose, idle_workers, waiting_for
from server.scheduler.inbox import Inbox
from server.scheduler.judge import LIVE, LiveAttempt, Order, Verdict, order, verdict
from server.scheduler.leader import Term
from server.scheduler.outcome import commit_failure, commit_lost, commit_result
from server.scheduler.retention import prune
from server.scheduler.sending import MissingCheckpointError, make_attempt, ready_segments
from server.scheduler.sight import Lookout, Sight
from server.scheduler.stopping import Waiting, has_live_attempt, quiet_runs, sentence, settle, waited_for
from server.stream_ids import stream_order
from worker.bus import orders_key

POLL_SECONDS = 0.5
"""The longest time between two looks: what a lost wake-up costs."""
ORDER_SECONDS = 600
"""How long an order that nobody carried out is kept."""
Send = Callable[[str, SegmentJob], None]
"""Puts a job on a worker's queue. Raises SendError."""
log = structlog.get_logger(__name__)


class SendError(Exception):
    """The job could not be handed to the broker."""


class Scheduler:
    """One look (`tick`) after the other. `send` raises SendError; whatever else fails here is for the caller to survive."""

    def __init__(self, term: Term, client: redis.Redis, archive: Archive, send: Send) -> None:
        self._term, self._redis, self._archive, self._send = term, client, archive, send
        self._lookout = Lookout(client)
        self._inbox = Inbox(client)
        self._told: set[int] = set()
        """Attempts whose worker said that they ended."""
        self._ended: dict[str, int] = {}
        """Worker → its attempt that ended last: it is free although its report may not say so yet."""
        self._stream_marks: dict[int, str] = {}
        self._to_prune: set[str] = set()
        self._explain_at = 0.0

    def step(self) -> None:
        """Waits for a reason to look, at most POLL_SECONDS, and looks."""
        try:
            for wakeup in self._inbox.wait(POLL_SECONDS):
                if wakeup.reason == "attempt_ended" and wakeup.attempt is not None:
                    self._told.add(wakeup.attempt)
            self.tick()
        except redis.RedisError as error:
            self._lookout.trust.failed()
            log.warning("redis_away", reason=str(error))
            time.sleep(POLL_SECONDS)
        except OSError as error:
            log.warning("store_away", reason=str(error))
            time.sleep(POLL_SECONDS)

    def tick(self) -> None:
        """One look. Raises redis.RedisError when Redis is away, LeadershipLostError, and what the database raises."""
        self._term.check()
        live = self._live_attempts()
        sight = self._lookout.look(live)
        for attempt in live:
            self._take_outcome(attempt, sight)
        self._stop_runs()
        self._publish_control()
        self._dispatch(sight)
        self._prune()

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def _live_attempts(self) -> list[LiveAttempt]:
        age = func.extract("epoch", func.now() - Attempt.sent_at)
        query = select(Attempt.id, Attempt.run_id, Attempt.segment_key, Attempt.worker, Attempt.state, age)
        with self._term.transaction() as session:
            rows = session.execute(query.where(Attempt.state.in_(LIVE)).order_by(Attempt.id)).all()
        live = [LiveAttempt(*row[:5], age=float(row[5])) for row in rows]
        self._told &= {attempt.id for attempt in live}
        return live

    def _take_outcome(self, attempt: LiveAttempt, sight: Sight) -> None:
        sign = verdict(attempt, leases=sight.leases, told=attempt.id in self._told, trusted=sight.trusted)
        if sign is Verdict.claimed:
            self._mark_running(attempt)
        elif sign in (Verdict.look, Verdict.ended):
            result = self._archive.result(attempt.run, attempt.id)
            if result is not None:
                with self._term.transaction() as session:
                    commit_result(session, attempt.run, attempt.id, result)
                self._has_ended(attempt)
            elif sign is Verdict.ended and self._is_recorded(attempt, sight):
                died = attempt.id in self._told
                self._give_up(attempt, f"its process on {attempt.worker} died" if died else f"{attempt.worker} was lost", counts=True)

    def _mark_running(self, attempt: LiveAttempt) -> None:
        with self._term.transaction() as session:
            mine = update(Attempt).where(Attempt.id == attempt.id, Attempt.state == "sent")
            session.execute(mine.values(state="running", started_at=func.now()))
        self._tell(attempt.run, "segments")

    def _is_recorded(self, attempt: LiveAttempt, sight: Sight) -> bool:
        """Whether the recorder has stored all that a lost attempt sent: its successor must know every binding it made."""
        mark = self._stream_marks.setdefault(attempt.id, sight.stream_ends.get(attempt.run, "0-0"))
        with self._term.transaction() as session:
            position = session.scalars(select(Run.stream_position).where(Run.id == attempt.run)).one()
        end = sight.stream_ends.get(attempt.run, "0-0")
        return stream_order(position) >= min(stream_order(mark), stream_order(end))

    def _give_up(self, attempt: LiveAttempt | Waiting, why: str, *, counts: bool) -> None:
        number = attempt.id if isinstance(attempt, LiveAttempt) else attempt.attempt
        events = list(self._archive.events(attempt.run, number))
        with self._term.transaction() as session:
            commit_lost(session, attempt.run, number, events, why=why, counts=counts)
        self._order(attempt.worker, number, Order.kill)  # should it still run somewhere
        self._stream_marks.pop(number, None)
        self._tell(attempt.run, "run", "segments", "log")

    def _has_ended(self, attempt: LiveAttempt) -> None:
        self._told.discard(attempt.id)
        self._ended[attempt.worker] = attempt.id
        self._to_prune.add(attempt.run)
        self._tell(attempt.run, "run", "segments", "checkpoints", "log")

    # -- runs that stop ------------------------------------------------------------------------------------------------

    def _stop_runs(self) -> None:
        with self._term.transaction() as session:
            waiting, quiet = waited_for(session), quiet_runs(session)
            for run in session.scalars(select(Run).where(Run.id.in_(quiet)).with_for_update(key_share=True)):
                settle(session, run)
        for run in quiet:
            self._tell(run, "run", "log")
        for run in {item.run for item in waiting}:
            self._say_waiting([run], sentence([item for item in waiting if item.run == run]))
        for item in waiting:
            due = order(item.overdue)
            if due is Order.abandon:
                self._give_up(item, f"{item.worker} did not end it when told to", counts=False)
            elif due is not None:
                self._order(item.worker, item.attempt, due)

    def _order(self, worker: str, attempt: int, due: Order) -> None:
        key = orders_key(worker)
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(key, str(attempt), due.value)
        pipe.expire(key, ORDER_SECONDS)
        pipe.execute()

    def _publish_control(self) -> None:
        with self._term.transaction() as session:
            acknowledged = control.acknowledge_for_the_absent(session)
            documents = control.current_documents(session)
        control.publish(self._redis, documents)
        for run in acknowledged:
            self._tell(run, "edits")

    # -- sending -------------------------------------------------------------------------------------------------------

    def _dispatch(self, sight: Sight) -> None:
        with self._term.transaction() as session:
            occupied = set(session.scalars(select(Attempt.worker).where(Attempt.state.in_(LIVE))))
            idle = idle_workers(sight.workers.values(), occupied, set(self._ended.values()))
            ready = ready_segments(session, len(idle)) if idle else []
        for item, worker in choose(ready, idle):
            self._send_one(item, worker)
        self._explain_waiting(sight)

    def _send_one(self, item: Ready, worker: Idle) -> None:
        try:
            with self._term.transaction() as session:
                job = make_attempt(session, item, worker)
        except (MissingCheckpointError, SpecError, ValidationError) as error:
            with self._term.transaction() as session:
                commit_failure(session, item.run, item.segment.key, str(error))
            return
        if job is None:
            return
        try:
            self._send(worker.worker, job)
        except SendError as error:
            sent = LiveAttempt(job.attempt, item.run, item.segment.key, worker.worker, "sent", 0.0)
            self._give_up(sent, f"it could not be sent: {error}", counts=False)
            return
        self._ended.pop(worker.worker, None)
        self._tell(item.run, "run", "segments")

    def _explain_waiting(self, sight: Sight) -> None:
        """Says of every run that could go on what it waits for; at most once a second, for there may be thousands."""
        if time.monotonic() < self._explain_at:
            return
        self._explain_at = time.monotonic() + 1.0
        stuck = select(Run.fingerprint, func.array_agg(Run.id)).where(Run.state.in_(["queued", "running"]), ~has_live_attempt(Run.id))
        with self._term.transaction() as session:
            groups = session.execute(stuck.group_by(Run.fingerprint)).all()
        for fingerprint, runs in groups:
            self._say_waiting(runs, waiting_for(list(sight.workers.values()), fingerprint))

    def _say_waiting(self, runs: Sequence[str], reason: str) -> None:
        """Notes the reason where it is a new one, in the run and in its log."""
        with self._term.transaction() as session:
            new = update(Run).where(Run.id.in_(runs), Run.waiting_for.is_distinct_from(reason))
            changed = list(session.scalars(new.values(waiting_for=reason).returning(Run.id)))
            session.add_all(LogLine(run_id=run, actor=SCHEDULER, message=f"waiting for {reason}", data={}) for run in changed)
        for run in changed:
            self._tell(run, "run", "log")

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _prune(self) -> None:
        for run in list(self._to_prune):
            with self._term.transaction() as session:
                if not prune(session, self._archive, run):
                    self._to_prune.discard(run)

    def _tell(self, run: str, *changed: Changed) -> None:
        run_changed(run, *changed, wake=False, client=self._redis)
