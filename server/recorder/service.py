"""The recorder's loop. It remembers nothing that is not in PostgreSQL: killed at any line, it goes on from the stored positions."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
import structlog
from pydantic import ValidationError
from sqlalchemy import exists, func, or_, select, update

from copd_engine.events import EVENT
from server.db.models import Attempt, Run
from server.db.points import BLOCK, pack
from server.notices import run_changed
from server.recorder.backfill import SETTLED_SECONDS, backfill, incomplete_attempts
from server.recorder.batch import Batch
from server.recorder.trim import KEPT_SECONDS, Window
from server.recorder.writer import Known, PositionMovedError, move_positions, write
from server.scheduler.archive import Archive
from server.scheduler.judge import LIVE
from server.scheduler.leader import Term
from server.scheduler.metrics import POINTS, RECORDED
from server.states import STOPPING, RunState
from server.stream_ids import stream_order, stream_time
from worker.bus import STREAM_FIELD, Frame, run_stream

ENTRIES_PER_READ = 2_000
BLOCK_SECONDS = 0.25
HOUSEKEEPING_SECONDS = 0.5
RETRY_SECONDS = 0.5
TRIMMED_FOR_SECONDS = 3600
"""How long after its end a run's stream is looked after."""
Entry = tuple[bytes, dict[bytes, bytes]]
"""Of a stream: its id and its fields."""
log = structlog.get_logger(__name__)


@dataclass
class Followed:
    """A stream that is being read."""

    position: str
    known: Known = field(default_factory=Known)
    unpacked: Counter[int] = field(default_factory=Counter)
    """Series → its points since chunks were made of it."""
    window: Window = field(default_factory=Window)

    def move(self, entries: list[Entry]) -> None:
        """These are stored."""
        self.position = entries[-1][0].decode()
        self.window.add(self.position, len(entries))


def record(term: Term, client: redis.Redis, archive: Archive, over: threading.Event) -> None:
    """Records until `over`. Waits while Redis is away; raises what PostgreSQL raises, and LeadershipLostError."""
    recorder = Recorder(term, client, archive)
    while not over.is_set():
        try:
            if not recorder.step():
                over.wait(BLOCK_SECONDS)
        except PositionMovedError:
            recorder.forget()
        except (redis.RedisError, OSError) as error:
            log.warning("redis_or_store_away", reason=str(error))
            over.wait(RETRY_SECONDS)


class Recorder:
    def __init__(self, term: Term, client: redis.Redis, archive: Archive, block_seconds: float = BLOCK_SECONDS) -> None:
        """block_seconds: how long a read waits for a first entry; the client's socket timeout must be longer."""
        self._term, self._redis, self._archive = term, client, archive
        self._block = round(block_seconds * 1000)
        self._runs: dict[str, Followed] = {}
        self._house_at = 0.0

    def forget(self) -> None:
        """Drops what it believed; positions are read again from PostgreSQL."""
        self._runs.clear()
        self._house_at = 0.0

    def step(self) -> bool:
        """Reads and stores what there is, waiting a little for the first entry. False when there is no stream to wait for."""
        if time.monotonic() >= self._house_at:
            self._house_at = time.monotonic() + HOUSEKEEPING_SECONDS
            self._keep_house()
        if not self._runs:
            return False
        positions: Any = {run_stream(run): followed.position for run, followed in self._runs.items()}
        answer: Any = self._redis.xread(positions, count=ENTRIES_PER_READ, block=self._block)
        by_stream = {run_stream(run): run for run in self._runs}
        read = {by_stream[stream.decode()]: entries for stream, entries in answer}
        passed = self._pass_over({run: entries for run, entries in read.items() if not any(map(_may_be_event, entries))})
        for run, entries in read.items():
            if run not in passed:
                self._store(run, entries)
        return True

    def _pass_over(self, read: Mapping[str, list[Entry]]) -> set[str]:
        """Moves on in streams that brought nothing but the server's own notices, all at once. Returns those in which it did."""
        if not read:
            return set()
        with self._term.transaction() as session:
            passed = move_positions(session, {run: (self._runs[run].position, entries[-1][0].decode()) for run, entries in read.items()})
        for run in passed:
            RECORDED.inc(len(read[run]))
            self._runs[run].move(read[run])
        return passed

    def _store(self, run: str, entries: list[Entry]) -> None:
        followed, batch = self._runs[run], Batch()
        with self._term.reading() as session:
            lost = select(Attempt.id, Attempt.events).where(Attempt.run_id == run, Attempt.state == "lost")
            given_up = {number: events or 0 for number, events in session.execute(lost)}
        for entry, fields in entries:
            add_frame(batch, entry.decode(), fields.get(STREAM_FIELD.encode(), b""), given_up)
        after = entries[-1][0].decode()
        with self._term.transaction() as session:
            known = write(session, run, batch, followed.known, position=(followed.position, after))
            counts = followed.unpacked + Counter(known.series[series] for series, _ in batch.points if series in known.series)
            full = [series for series, count in counts.items() if count >= BLOCK]
            for series in full:
                pack(session, series)
        POINTS.inc(len(batch.points))
        RECORDED.inc(len(entries))
        followed.known, followed.unpacked = known, counts - Counter(dict.fromkeys(full, BLOCK))
        followed.move(entries)
        if changed := batch.changed():
            run_changed(run, *changed, wake=False, client=self._redis)

    # -- every now and then --------------------------------------------------------------------------------------------

    def _keep_house(self) -> None:
        self._follow()
        ends = self._stream_ends()
        self._rewind(ends)
        self._fill_gaps(ends)
        self._trim()

    def _follow(self) -> None:
        """Follows every run that has, or may still have, something to tell."""
        busy = [RunState.running.value, *(state.value for state in STOPPING)]
        unrecorded = exists().where(Attempt.run_id == Run.id, or_(Attempt.state.in_(LIVE), Attempt.recorded_seq < Attempt.events))
        with self._term.reading() as session:
            rows = session.execute(select(Run.id, Run.stream_position).where(or_(Run.state.in_(busy), unrecorded))).all()
        self._runs = {run: self._runs.get(run) or Followed(position) for run, position in rows}

    def _stream_ends(self) -> dict[str, str]:
        """Run → the id its stream has come to; runs without a stream are left out."""
        pipe = self._redis.pipeline(transaction=False)
        for run in self._runs:
            pipe.xinfo_stream(run_stream(run))
        answers: list[Any] = pipe.execute(raise_on_error=False)
        found = zip(self._runs, answers, strict=True)
        return {run: info["last-generated-id"].decode() for run, info in found if not isinstance(info, redis.RedisError)}

    def _rewind(self, ends: dict[str, str]) -> None:
        """A stream that ends before the place where we stopped reading is another one: Redis lost data. It is read from its beginning."""
        for run, end in ends.items():
            if stream_order(end) < stream_order(self._runs[run].position):
                log.warning("stream_lost", run=run, position=self._runs[run].position, end=end)
                with self._term.transaction() as session:
                    session.execute(update(Run).where(Run.id == run).values(stream_position="0-0"))
                self._runs[run] = Followed("0-0")

    def _fill_gaps(self, ends: dict[str, str]) -> None:
        """Takes from the files of ended attempts what their streams will not bring any more."""
        with self._term.reading() as session:
            gaps = [gap for gap in incomplete_attempts(session) if gap.run in self._runs]
        for gap in gaps:
            position = self._runs[gap.run].position
            drained = stream_order(ends.get(gap.run, "0-0")) <= stream_order(position)
            if drained or (stream_time(position) - gap.ended).total_seconds() > SETTLED_SECONDS:
                with self._term.transaction() as session:
                    backfill(session, gap, self._archive.events(gap.run, gap.attempt))
                run_changed(gap.run, "series", "log", "checkpoints", "rollouts", wake=False, client=self._redis)

    def _trim(self) -> None:
        cuts = {run: cut for run, followed in self._runs.items() if (cut := followed.window.cut(time.time()))}
        since_end = func.extract("epoch", func.now() - Run.ended_at)
        with self._term.reading() as session:
            over = select(Run.id, Run.stream_position).where(since_end > KEPT_SECONDS, since_end < TRIMMED_FOR_SECONDS)
            cuts |= {run: position for run, position in session.execute(over).all() if run not in self._runs}
        pipe = self._redis.pipeline(transaction=False)
        for run, cut in cuts.items():
            pipe.xtrim(run_stream(run), minid=cut, approximate=run in self._runs)
        pipe.execute()


def _may_be_event(entry: Entry) -> bool:
    """False for what only the server can have sent."""
    return b'"event"' in entry[1].get(STREAM_FIELD.encode(), b"")


def add_frame(batch: Batch, entry: str, data: bytes, given_up: Mapping[int, int]) -> None:
    """Adds one stream entry. Frames of the server carry no event; one that cannot be read is left out and said.

    given_up: lost attempt → how many events it had by then. What it says later does not count: its successor knows nothing of it.
    """
    try:
        frame = Frame.model_validate_json(data)
        if frame.attempt is not None and frame.event is not None:
            event = EVENT.validate_python(frame.event)
            if event.seq <= given_up.get(frame.attempt, event.seq):
                batch.add(frame.attempt, event, stream_time(entry))
    except ValidationError as error:
        log.warning("frame_unreadable", entry=entry, reason=str(error))
