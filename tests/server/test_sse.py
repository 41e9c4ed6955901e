"""The event stream on a real Valkey: whatever happens, a viewer gets every event after its start once, or a reset."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from copd_engine.events import Log, Points, Progress, Value
from server.sse import PAGE, Hub, Start, stream_client, together
from tests.server.backend import Backend
from worker.bus import STREAM_FIELD, Frame, run_stream

pytestmark = pytest.mark.integration
numbers = itertools.count()


@dataclass
class Stream:
    """A run's stream, and all that was ever in it."""

    redis: Redis
    run: str = field(default_factory=lambda: f"run{next(numbers)}")
    ids: list[str] = field(default_factory=list)

    async def add(self, count: int = 1) -> str:
        async with self.redis.pipeline() as pipe:
            for _ in range(count):
                event = Points(policy="text", step=len(self.ids), values=[Value(name="reward", value=0.5)])
                pipe.xadd(run_stream(self.run), {STREAM_FIELD: frame(event)})
            self.ids += [entry.decode() for entry in await pipe.execute()]
        return self.ids[-1]

    async def trim(self, kept: int) -> None:
        await self.redis.xtrim(run_stream(self.run), maxlen=kept, approximate=False)

    def is_handed_out(self, hub: Hub) -> bool:
        channel = hub._channels.get(self.run)
        return channel is None or not self.ids or channel.position == self.ids[-1]

    def after(self, start: str | None) -> list[str]:
        return self.ids if start in (None, "0-0") else self.ids[self.ids.index(start) + 1 :]


def frame(event: Points | Progress | Log) -> str:
    return Frame(time=0.0, attempt=3, segment="rlvr.text@0", event=event.model_dump(mode="json")).model_dump_json()


class Viewer:
    """Reads a stream in a task of its own; `paused` makes it slow."""

    def __init__(self, hub: Hub, run: str, start: str | None, recorded: str = "0-0") -> None:
        self.start, self.ids, self.names, self.data = start, list[str](), list[str](), list[str | None]()
        self._reading, self._news = asyncio.Event(), asyncio.Event()
        self._reading.set()
        self.task = asyncio.create_task(self._read(hub, run, recorded))

    async def _read(self, hub: Hub, run: str, recorded: str) -> None:
        async with contextlib.aclosing(hub.events(Start(run, self.start, recorded))) as events:
            async for event in events:
                await self._reading.wait()
                self.names.append(event.event or "")
                self.data.append(event.raw_data)
                if event.event == "points":
                    self.ids.append(event.id or "")
                elif event.event == "ping":
                    self.start = event.id
                self._news.set()
        self._news.set()

    def pause(self) -> None:
        self._reading.clear()

    def go_on(self) -> None:
        self._reading.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()

    async def settled(self, last: str) -> None:
        """Until it has seen `last`, or is over."""
        await self.until(lambda: self.task.done() or last in self.ids or self.start == last)

    @property
    def was_reset(self) -> bool:
        return "reset" in self.names

    async def close(self) -> None:
        while not self.task.done():  # redis-py forgets a cancellation that comes while it takes a connection; anyio, too, repeats it
            self.task.cancel()
            await asyncio.wait((self.task,), timeout=0.01)
        if not self.task.cancelled():
            self.task.result()


@contextlib.asynccontextmanager
async def watching(url: str, queue_limit: int = 1000) -> AsyncIterator[tuple[Hub, Redis]]:
    redis, writer = stream_client(url), Redis.from_url(url)
    try:
        async with Hub(redis, queue_limit) as hub:
            yield hub, writer
    finally:
        await redis.aclose()
        await writer.aclose()


async def test_the_first_event_says_where_the_stream_starts(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        last = await stream.add(3)
        viewer = Viewer(hub, stream.run, None)
        await viewer.until(lambda: viewer.names == ["ping"])
        assert viewer.start == last
        await viewer.settled(await stream.add())
        assert viewer.ids == stream.ids[3:]
        await viewer.close()


async def test_points_and_progress_are_told_and_the_rest_once_it_is_stored(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        viewer = Viewer(hub, stream.run, "0-0")
        await viewer.until(lambda: viewer.names == ["ping"])
        key = run_stream(stream.run)
        await redis.xadd(key, {STREAM_FIELD: frame(Log(message="private"))})
        await redis.xadd(key, {"other": "field"})
        await redis.xadd(key, {STREAM_FIELD: "not a frame"})
        await redis.xadd(key, {STREAM_FIELD: frame(Progress(done=2, total=5))})
        await redis.xadd(key, {STREAM_FIELD: Frame(time=0.0, changed=["run", "edits"]).model_dump_json()})
        await stream.add()
        await viewer.until(lambda: len(viewer.names) == 4)
        assert viewer.names == ["ping", "progress", "changed", "points"]
        assert viewer.data[1] == '{"attempt":3,"segment":"rlvr.text@0","done":2,"total":5}'
        assert viewer.data[2] == '{"what":["run","edits"]}'
        assert '"attempt":3,"policy":"text","step":0' in (viewer.data[3] or "")
        await viewer.close()


async def test_a_replay_of_many_pages_joins_the_live_stream(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        await stream.add(2 * PAGE + 7)
        viewer = Viewer(hub, stream.run, "0-0")
        await viewer.settled(await stream.add(5))
        assert viewer.ids == stream.ids
        await viewer.close()


async def test_a_second_run_is_followed_at_once(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        first, second = Stream(redis), Stream(redis)
        early = Viewer(hub, first.run, "0-0")
        await early.until(lambda: early.names == ["ping"])
        late = Viewer(hub, second.run, "0-0")
        await late.until(lambda: late.names == ["ping"])
        await late.settled(await second.add())
        await early.settled(await first.add())
        assert (early.ids, late.ids) == (first.ids, second.ids)
        for viewer in (early, late):
            await viewer.close()


async def test_an_id_older_than_the_stream_gets_a_reset(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        await stream.add(10)
        await stream.trim(4)
        lost, from_the_beginning = Viewer(hub, stream.run, stream.ids[5]), Viewer(hub, stream.run, "0-0")
        held = Viewer(hub, stream.run, stream.ids[6])
        await asyncio.wait((lost.task, from_the_beginning.task))
        assert lost.names == from_the_beginning.names == ["reset"]
        await held.settled(stream.ids[-1])
        assert held.ids == stream.ids[7:]
        await held.close()


async def test_the_end_of_an_emptied_stream_is_no_gap(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        last = await stream.add(3)
        await stream.trim(0)
        viewer = Viewer(hub, stream.run, last)
        await viewer.until(lambda: viewer.names == ["ping"])
        await viewer.settled(await stream.add())
        assert viewer.ids == stream.ids[3:]
        await viewer.close()


async def test_a_position_of_a_lost_stream_gets_a_reset_unless_nobody_knows_more(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        future = "99999999999999-0"
        viewer = Viewer(hub, stream.run, future)
        await asyncio.wait((viewer.task,))
        assert viewer.names == ["reset"]
        recorded = Viewer(hub, stream.run, future, recorded=future)
        await recorded.until(lambda: recorded.names == ["ping"])
        await recorded.close()
        assert await redis.exists(run_stream(stream.run)) == 0


async def test_a_reader_that_is_too_slow_gets_a_reset_and_delays_nobody(backend: Backend) -> None:
    async with watching(backend.settings.redis_url, queue_limit=20) as (hub, redis):
        stream = Stream(redis)
        slow, quick = Viewer(hub, stream.run, "0-0"), Viewer(hub, stream.run, "0-0")
        for viewer in (slow, quick):
            await viewer.until(lambda viewer=viewer: viewer.names == ["ping"])
        slow.pause()
        for _ in range(10):
            await quick.settled(await stream.add(5))
        slow.go_on()
        await asyncio.wait((slow.task,))
        assert slow.names[-1] == "reset"
        assert slow.ids == stream.ids[: len(slow.ids)]
        assert quick.ids == stream.ids
        await quick.close()


async def test_without_redis_streams_stay_open_and_are_told_to_look_again(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        await stream.add()
        viewer = Viewer(hub, stream.run, "0-0")
        await viewer.settled(stream.ids[-1])
        backend.valkey.kill()
        waiting = Viewer(hub, stream.run, "0-0")
        backend.valkey.start()
        await viewer.until(lambda: "changed" in viewer.names or viewer.was_reset)
        if not viewer.was_reset:  # the append-only file is flushed once a second: the kill may have taken the entry along
            await viewer.settled(await stream.add())
            assert viewer.ids == stream.ids
        await waiting.until(lambda: bool(waiting.names))
        for each in (viewer, waiting):
            await each.close()


async def test_several_runs_are_told_over_one_connection_each_whole_and_in_order(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        runs = [Stream(redis) for _ in range(3)]
        for stream in runs:
            await stream.add(PAGE + 3)
        told: dict[str, list[str]] = {stream.run: [] for stream in runs}
        async with contextlib.aclosing(together(hub, [Start(stream.run, "0-0") for stream in runs])) as events:
            more = False
            async for event in events:
                run, _, position = (event.id or "").partition("@")
                if event.event == "points":
                    told[run].append(position)
                if not more and all(len(ids) > PAGE for ids in told.values()):  # in the midst of the replay of each
                    more = True
                    for stream in runs:
                        await stream.add(5)
                if all(told[stream.run] == stream.ids for stream in runs):
                    break
            assert more
            assert hub.subscribers == len(runs)
        assert hub.subscribers == 0


async def test_several_runs_end_together_with_their_login(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        runs = [Stream(redis) for _ in range(2)]
        events = together(hub, [Start(stream.run, None) for stream in runs], login=7)
        assert {(await anext(events)).event for _ in runs} == {"ping"}
        hub.end_streams({7})
        assert [event async for event in events] == []


async def test_a_server_that_goes_away_ends_its_streams_without_a_reset(backend: Backend) -> None:
    async with watching(backend.settings.redis_url) as (hub, redis):
        stream = Stream(redis)
        viewer = Viewer(hub, stream.run, "0-0")
        await viewer.settled(await stream.add())
        hub.end_streams()
        await asyncio.wait((viewer.task,))
        assert viewer.names == ["ping", "points"]


# ---- any interleaving

moves = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 30)),
        st.tuples(st.just("join"), st.integers(-1, 60)),
        st.tuples(st.just("again"), st.integers(0, 5)),
        st.tuples(st.just("trim"), st.integers(0, 20)),
        st.tuples(st.just("pause"), st.integers(0, 5)),
        st.tuples(st.just("rest"), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_no_event_is_left_out_or_doubled_without_a_reset(session_backend: Backend, moves: list[tuple[str, int]]) -> None:
    asyncio.run(interleave(session_backend.settings.redis_url, moves))


async def eventually(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # the hub has no event for it: nobody else needs to know
        await asyncio.sleep(0.001)


async def interleave(url: str, moves: list[tuple[str, int]]) -> None:
    async with watching(url, queue_limit=25) as (hub, redis):
        stream, viewers = Stream(redis), list[Viewer]()
        starts = dict[Viewer, str | None]()

        def join(start: str | None) -> None:
            viewer = Viewer(hub, stream.run, start)
            viewers.append(viewer)
            starts[viewer] = start

        for move, number in moves:
            chosen = viewers[number % len(viewers)] if viewers else None
            match move:
                case "add":
                    await stream.add(number)
                case "trim":  # the recorder keeps minutes of a stream: what is trimmed was handed out long ago
                    await eventually(lambda: stream.is_handed_out(hub))
                    await stream.trim(number)
                case "join":
                    join(stream.ids[number % len(stream.ids)] if stream.ids and number >= 0 else "0-0")
                case "again" if chosen:  # a connection breaks, and the browser goes on where it was
                    await chosen.close()
                    join(chosen.ids[-1] if chosen.ids else starts[chosen])
                case "pause" if chosen:
                    chosen.pause()
                case _:
                    await asyncio.sleep(0.002)
        for viewer in viewers:
            viewer.go_on()
        last = await stream.add()
        for viewer in viewers:
            if not viewer.task.done():
                await viewer.settled(last)
            expected = stream.after(starts[viewer])
            assert viewer.ids == expected[: len(viewer.ids)], "a gap, a double or a wrong order"
            assert viewer.was_reset or viewer.task.cancelled() or viewer.ids == expected, "something is missing, and nobody said so"
            assert viewer.names.count("reset") <= 1
            await viewer.close()
