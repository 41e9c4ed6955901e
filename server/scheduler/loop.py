"""The scheduler's loop: look, take outcomes, send what is ready, move runs. Nothing is kept here that could not be found out again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import redis
import structlog
from pydantic import ValidationError
from sqlalchemy import case, func, select, update

from copd_engine.job import SegmentJob
from copd_engine.spec import SpecError
from server.db.models import Attempt, LogLine, Run
from server.db.session import is_one_of
from server.db.transition import SCHEDULER
from server.scheduler import control
from server.scheduler.archive import Archive
from server.scheduler.dispatch import Idle, Ready, choose, idle_workers, waiting_for
from server.scheduler.inbox import Inbox
from server.scheduler.judge import LIVE, Order, order
from server.scheduler.leader import Term
from server.scheduler.line import Limits, going_runs, held_back, ready_segments
from server.scheduler.metrics import LOOK_SECONDS, SENT
from server.scheduler.outcome import commit_failure
from server.scheduler.retention import is_recorded, mark_unneeded, remove_files, remove_runs, unsettled_runs
from server.scheduler.sending import MissingCheckpointError, make_attempt
from server.scheduler.sight import Lookout, Sight
from server.scheduler.stopping import has_live_attempt, quiet_runs, sentence, settle, waited_for
from server.scheduler.usage import UsageHistory
from server.scheduler.watch import Watch
from worker.bus import control_key, run_stream

POLL_SECONDS = 1.0
"""The longest time between two looks: what a lost wake-up costs."""
SHORTEST_WAIT = 0.001
"""None at all would mean for ever."""
CHORES_SECONDS = 1.0
RUNS_PER_CHORE = 20
SENT_PER_LOOK = 50
"""Segments sent in one look: attempts end meanwhile."""
Send = Callable[[str, SegmentJob], None]
"""Puts a job on a worker's queue. Raises SendError."""
log = structlog.get_logger(__name__)


class SendError(Exception):
    """The job could not be handed to the broker."""


class Scheduler:
    """One look (`tick`) after the other."""

    def __init__(self, term: Term, client: redis.Redis, archive: Archive, send: Send, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        """client: its socket timeout must be longer than POLL_SECONDS."""
        self._term, self._redis, self._archive, self._send, self._limits = term, client, archive, send, limits
        self._lookout = Lookout(client)
        self._inbox = Inbox(client)
        self._watch = Watch(term, client, archive)
        self._usage = UsageHistory(term)
        self._chores_at = 0.0
        self._unsettled: set[str] | None = None
        """Runs of which there may be checkpoints that nothing keeps; None before the first look."""
        self._published: dict[str, tuple[int, str]] = {}
        """Run → version and state of the control document that was published in this second."""
        self._is_behind = False
        """There was more to do than one look takes."""

    def step(self) -> None:
        """Waits for a reason to look, at most POLL_SECONDS, and looks. Rides out a Redis or a store that is away.

        Raises LeadershipLostError, and what PostgreSQL raises.
        """
        try:
            self._watch.hear(self._inbox.wait(SHORTEST_WAIT if self._is_behind else POLL_SECONDS))
            with LOOK_SECONDS.time():
                self.tick()
        except (redis.RedisError, OSError) as error:
            self._lookout.trust.failed()
            log.warning("redis_or_store_away", reason=f"{type(error).__name__}: {error}")
            time.sleep(POLL_SECONDS / 2)

    def tick(self) -> None:
        """One look. Raises redis.RedisError and OSError when Redis or the store is away."""
        self._term.check()
        live = self._watch.live_attempts()
        sight = self._lookout.look(live)
        more_ends = self._watch.take_outcomes(live, sight)
        more_to_send = self._dispatch(sight)
        self._is_behind = more_ends or more_to_send
        self._stop_runs()
        self._publish_control()
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + CHORES_SECONDS
            self._published.clear()
            self._explain_waiting(sight)
            self._make_room()
            self._usage.look(sight.workers.values())

    # -- sending -------------------------------------------------------------------------------------------------------

    def _dispatch(self, sight: Sight) -> bool:
        """Returns whether there may be more to send than one look takes."""
        with self._term.reading() as session:
            occupied = set(session.scalars(select(Attempt.worker).where(Attempt.state.in_(LIVE))))
            idle = idle_workers(sight.workers.values(), occupied, set(self._watch.ended.values()))
            ready = ready_segments(session, min(len(idle), SENT_PER_LOOK), self._limits) if idle else []
        pairs = choose(ready, idle)
        for item, worker in pairs[:SENT_PER_LOOK]:
            self._send_one(item, worker)
        return len(pairs) >= SENT_PER_LOOK

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
            self._watch.give_up(item.run, job.attempt, worker.worker, f"it could not be sent: {error}", counts=False)
            return
        SENT.inc()
        self._watch.ended.pop(worker.worker, None)
        self._watch.tell(item.run, "run", "segments", "log")

    # -- runs ----------------------------------------------------------------------------------------------------------

    def _stop_runs(self) -> None:
        """Ends the wait of quiet runs, says what the others wait for, and gives orders where a deadline has passed."""
        with self._term.reading() as session:
            waiting, quiet = waited_for(session), quiet_runs(session)
        for run_id in quiet:
            with self._term.transaction() as session:
                settle(session, session.scalars(select(Run).where(Run.id == run_id).with_for_update(key_share=True)).one())
            self._watch.tell(run_id, "run", "log")
        for run_id in sorted({item.run for item in waiting}):
            self._say_waiting([run_id], sentence([item for item in waiting if item.run == run_id]))
        for item in waiting:
            due = order(item.overdue)
            if due is Order.abandon:
                self._watch.give_up(item.run, item.attempt, item.worker, f"{item.worker} did not end it when told to", counts=False)
            elif due is not None:
                self._watch.order(item.worker, item.attempt, due)

    def _publish_control(self) -> None:
        with self._term.reading() as session:
            stamps = control.current_stamps(session)
            documents = control.current_documents(session, [run for run in stamps if self._published.get(run) != stamps[run]])
            absent = control.unacknowledged(session)
        control.publish(self._redis, documents)
        self._published = stamps
        if absent:
            with self._term.transaction() as session:
                control.acknowledge_for_the_absent(session, absent)
            self._watch.tell_all(absent, "edits")

    def _explain_waiting(self, sight: Sight) -> None:
        """Says of every run that could go on what it waits for."""
        reports, stuck = list(sight.workers.values()), Run.state.in_(["queued", "running"]) & ~has_live_attempt(Run.id)
        user = case((Run.state == "queued", Run.created_by))
        groups = select(Run.fingerprint, user, func.array_agg(Run.id)).where(stuck).group_by(Run.fingerprint, user)
        with self._term.reading() as session:
            going, held = going_runs(session), held_back(session, stuck)
            waiting = [(fingerprint, user, set(runs) - held.keys()) for fingerprint, user, runs in session.execute(groups)]
            at_work = select(Run.id, Run.name).where(Run.id.in_({report.run for report in reports if report.run}))
            names = dict(session.execute(at_work).all()) if waiting else {}
        for run, policies in held.items():
            self._say_waiting([run], f"{' and '.join(policies)} to be resumed")
        for fingerprint, user, runs in waiting:
            refusal = self._limits.refusal(going, user) if user and reports else None
            self._say_waiting(sorted(runs), refusal or waiting_for(reports, fingerprint, names))

    def _say_waiting(self, runs: Sequence[str], reason: str) -> None:
        """Notes the reason where it is a new one, in the run and in its log."""
        new = is_one_of(Run.id, runs) & Run.waiting_for.is_distinct_from(reason)
        with self._term.reading() as session:
            if not session.scalars(select(Run.id).where(new).limit(1)).all():
                return
        with self._term.transaction() as session:
            changed = list(session.scalars(update(Run).where(new).values(waiting_for=reason).returning(Run.id)))
            session.add_all(LogLine(run_id=run_id, actor=SCHEDULER, message=f"waiting for {reason}", data={}) for run_id in changed)
        self._watch.tell_all(changed, "run", "log")

    def _make_room(self) -> None:
        """Marks checkpoints of runs that have moved on, and removes the files of marked ones."""
        if self._unsettled is None:
            with self._term.reading() as session:
                self._unsettled = unsettled_runs(session)
        self._unsettled |= self._watch.changed
        self._watch.changed.clear()
        for run_id in sorted(self._unsettled)[:RUNS_PER_CHORE]:
            with self._term.transaction() as session:
                settled, marked = is_recorded(session, run_id), mark_unneeded(session, run_id)
            if settled:
                self._unsettled.discard(run_id)
            if settled or marked:  # with the last of its accuracies, another may be a policy's best
                self._watch.tell(run_id, "checkpoints")
        with self._term.transaction() as session:
            remove_files(session, self._archive)
        with self._term.transaction() as session:
            removed = remove_runs(session, self._archive)
        for run_id in removed:
            self._redis.delete(run_stream(run_id), control_key(run_id))
