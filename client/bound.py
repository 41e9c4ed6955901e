"""Descriptions of calls as methods: plain in Client and Run handles, to be awaited in their async counterparts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from client import calls
from client.flow import Flow

if TYPE_CHECKING:
    from client.aio import AsyncClient, AsyncRunHandle
    from client.api import Client, RunHandle

P = ParamSpec("P")
T = TypeVar("T")


class _Owner(Protocol):
    def perform(self, flow: Flow[T]) -> Any: ...


class Call(Generic[P, T]):
    """A call of the whole API."""

    def __init__(self, described: Callable[P, Flow[T]]) -> None:
        self._described = described
        self.__doc__ = described.__doc__

    @overload
    def __get__(self, owner: Client, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: AsyncClient, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, owner: _Owner | None, kind: type) -> Any:
        if owner is None:
            return self

        @functools.wraps(self._described)
        def method(*arguments: P.args, **options: P.kwargs) -> Any:
            return owner.perform(self._described(*arguments, **options))

        return method


class RunCall(Generic[P, T]):
    """A call about one run: a client's takes the run's id first, a handle knows its run."""

    def __init__(self, described: Callable[Concatenate[str, P], Flow[T]]) -> None:
        self._described = described
        self.__doc__ = described.__doc__

    @overload
    def __get__(self, owner: Client, kind: type) -> Callable[Concatenate[str, P], T]: ...
    @overload
    def __get__(self, owner: AsyncClient, kind: type) -> Callable[Concatenate[str, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, owner: RunHandle, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: AsyncRunHandle, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        if owner is None:
            return self
        described: Any = owner.of_run(self._described)

        @functools.wraps(self._described)
        def method(*arguments: Any, **options: Any) -> Any:
            return owner.perform(described(*arguments, **options))

        return method


class RunCalls:
    """What can be asked and told about one run."""

    command = RunCall(calls.command)
    pause = RunCall(calls.pause)
    resume = RunCall(calls.resume)
    recipe = RunCall(calls.recipe)
    clone = RunCall(calls.clone)
    retry = RunCall(calls.retry)
    fork = RunCall(calls.fork)
    roll_back = RunCall(calls.roll_back)
    describe = RunCall(calls.describe)
    edit = RunCall(calls.edit)
    preview_edit = RunCall(calls.preview_edit)
    attempts = RunCall(calls.attempts)
    segments = RunCall(calls.segments)
    series = RunCall(calls.series)
    cursor = RunCall(calls.cursor)
    figures = RunCall(calls.figures)
    figure = RunCall(calls.figure)
    result = RunCall(calls.result)
    checkpoints = RunCall(calls.checkpoints)
    pin = RunCall(calls.pin)
    sweep = RunCall(calls.sweep)
    log = RunCall(calls.log)
    rollouts = RunCall(calls.rollouts)
    rollout = RunCall(calls.rollout)
    probe_history = RunCall(calls.probe_history)
    request_export = RunCall(calls.request_export)
    exports = RunCall(calls.exports)


class ClientCalls(RunCalls):
    """The whole API; calls about a run take its id first."""

    run = RunCall(calls.run)
    create_run = Call(calls.create_run)
    delete_run = RunCall(calls.delete_run)
    runs_page = Call(calls.runs_page)
    command_runs = Call(calls.command_runs)
    tag_runs = Call(calls.tag_runs)
    compare = Call(calls.compare)
    compared_figure = Call(calls.compared_figure)
    find_run = Call(calls.find_run)
    users = Call(calls.users)
    add_user = Call(calls.add_user)
    change_user = Call(calls.change_user)
    change_password = Call(calls.change_password)
    tokens = Call(calls.tokens)
    create_token = Call(calls.create_token)
    revoke_token = Call(calls.revoke_token)
    webhooks = Call(calls.webhooks)
    add_webhook = Call(calls.add_webhook)
    remove_webhook = Call(calls.remove_webhook)
    send_test = Call(calls.send_test)
    webhook_deliveries = Call(calls.webhook_deliveries)
    redeliver = Call(calls.redeliver)
    workers = Call(calls.workers)
    spec_schema = Call(calls.spec_schema)

    def of_run(self, described: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: the caller names the run."""
        return described


class HandleCalls(RunCalls):
    """One run, by its id, the beginning of its id, or its name (the newest of that name), looked up at the first call."""

    get = RunCall(calls.run)
    cancel = RunCall(calls.cancel)
    delete = RunCall(calls.delete_run)

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self._id = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reference!r})"

    def find(self) -> Flow[str]:
        """The run's id. Raises ApiError (404)."""
        if not self._id:
            self._id = (yield from calls.find_run(self.reference)).id
        return self._id

    def of_run(self, described: Callable[..., Any]) -> Callable[..., Any]:
        """The call about this run."""

        def about_it(*arguments: Any, **options: Any) -> Flow[Any]:
            run_id = yield from self.find()
            return (yield from described(run_id, *arguments, **options))

        return about_it
