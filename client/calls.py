"""The API, call by call. Each is described once, here; Client and AsyncClient carry it out. All raise ApiError when it is refused."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import quote

from client.errors import ApiError
from client.flow import Flow, Request, change, get
from client.models import (
    Attempt,
    Checkpoint,
    Commanded,
    Comparison,
    ControlPreview,
    Delivery,
    Export,
    Figure,
    FigureList,
    Figures,
    LogEntry,
    ProbeHistory,
    Result,
    RetriedRun,
    RolloutPage,
    RolloutView,
    Run,
    RunDeletion,
    RunList,
    RunSummary,
    Segment,
    SeriesList,
    Sweep,
    Token,
    User,
    Webhook,
    WorkerList,
)

EVERY_POINT = 100_000
"""The most points of one series that the server gives at once."""
PAGE = 200
WILDCARDS = re.compile(r"[*?\[]")
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
Value = bool | float | int | str
Role = Literal["viewer", "operator", "admin"]
LogLevel = Literal["info", "warning", "error"]
RolloutPart = Literal["native", "cross", "heldout"]
RolloutSort = Literal["newest", "oldest", "worst", "best", "gap"]
Command = Literal["pause", "resume", "cancel"]
Sort = Literal["created", "name", "state", "progress", "accuracy", "duration"]
WEBHOOK_EVENTS = ("run.completed", "run.failed", "run.overlap_low", "run.numerical_failure")


def create_run(spec: str, *, idempotency_key: str | None = None) -> Flow[Run]:
    """Submits a spec or a recipe in YAML or JSON. The same idempotency key answers with the same run; without one, the call has its own."""
    headers = {"Content-Type": "application/yaml", "Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    return Run.model_validate((yield Request("POST", "/runs", {"content": spec.encode(), "headers": headers}, repeatable=True)))


def recipe(run_id: str) -> Flow[dict[str, Any]]:
    """The spec and all edits with where each took effect: as JSON, `create_run` takes it and gives the same weights."""
    return (yield from get(f"/runs/{run_id}/recipe"))


def clone(run_id: str, changes: dict[str, Any] | None = None, *, name: str | None = None) -> Flow[Run]:
    """A new run of the same spec, without its edits, with other values in some fields: any field, by its dotted path."""
    spec = (yield from run(run_id)).spec
    for path, value in {**(changes or {}), **({"name": name} if name else {})}.items():
        set_field(spec, path, value)
    return (yield from create_run(json.dumps(spec)))


def runs_page(
    *,
    limit: int = 100,
    after: str | None = None,
    sort: Sort | None = None,
    descending: bool | None = None,
    state: Sequence[str] | None = None,
    method: Sequence[str] | None = None,
    tag: Sequence[str] | None = None,
    q: str | None = None,
    offset: int | None = None,
) -> Flow[RunList]:
    """One page of runs, newest first, or by `sort`; `next` of the answer is the `after` of the following page.

    state, method: any of these; tag: all of these; q: part of the name, or the beginning of the id; offset: leave out so many.
    """
    direction = None if descending is None else str(descending).lower()
    wanted = {"sort": sort, "descending": direction, "state": state, "method": method, "tag": tag, "q": q, "offset": offset}
    return RunList.model_validate((yield from get("/runs", limit=limit, after=after, **wanted)))


def compare(run_ids: Sequence[str]) -> Flow[Comparison]:
    """The table of a paper over these runs, seeds taken together, and every field in which their specs differ."""
    return Comparison.model_validate((yield from get("/compare", run=list(run_ids))))


def compared_figure(
    run_ids: Sequence[str], name: str, *, x: Literal["step", "time", "tokens"] = "step", policy: str = "merged"
) -> Flow[Figure]:
    """A figure with one curve for each run: "capability.<domain>", "overlap" or "reward"."""
    path = f"/compare/figures/{quote(name, safe='')}"
    return Figure.model_validate((yield from get(path, run=list(run_ids), x=x, policy=policy)))


def find_run(reference: str) -> Flow[RunSummary]:
    """The run with this id, this beginning of an id, or, the newest, this name. Raises ApiError (404) when there is none or several."""
    if ID.fullmatch(reference):
        try:
            return (yield from run(reference))
        except ApiError as error:
            if error.status != 404:
                raise
    begun, named, after = list[RunSummary](), list[RunSummary](), None
    while True:
        page = yield from runs_page(limit=PAGE, after=after)
        named += [each for each in page.runs if each.name == reference]
        begun += [each for each in page.runs if reference and each.id.startswith(reference)]
        if (after := page.next) is None:
            break
    if len(found := named[:1] or begun) == 1:
        return found[0]
    if begun:
        raise ApiError(f"'{reference}' begins {len(begun)} ids: {', '.join(each.id for each in begun[:5])}; give more of it", 404)
    raise ApiError(f"no run '{reference}'; `copd list` shows them", 404)


def run(run_id: str) -> Flow[Run]:
    """The run with its controls and edits."""
    return Run.model_validate((yield from get(f"/runs/{quote(run_id, safe='')}")))


def command(run_id: str, command: Command) -> Flow[Run]:
    """Tells the run to do something its state allows."""
    return Run.model_validate((yield from change("POST", f"/runs/{run_id}/{command}")))


def pause(run_id: str, *policies: str) -> Flow[Run]:
    """Stops the run at its next optimizer step; with policies, only these, and the run goes on without them for as long as it can."""
    return Run.model_validate((yield from change("POST", f"/runs/{run_id}/pause", params={"policy": list(policies)})))


def resume(run_id: str, *policies: str) -> Flow[Run]:
    """Goes on from where the run stopped; with policies, only these do."""
    return Run.model_validate((yield from change("POST", f"/runs/{run_id}/resume", params={"policy": list(policies)})))


def cancel(run_id: str) -> Flow[Run]:
    """Ends the run for good; what it has stored stays."""
    return command(run_id, "cancel")


def command_runs(command: Command, run_ids: Sequence[str]) -> Flow[list[Commanded]]:
    """Tells many runs, each for itself; the answer says of every one what became of it."""
    answer = yield from change("POST", "/runs/commands", json={"command": command, "runs": list(run_ids)})
    return [Commanded.model_validate(each) for each in answer["results"]]


def tag_runs(run_ids: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Flow[list[Commanded]]:
    """Gives many runs tags, and takes tags from them; the answer says of every one what became of it."""
    answer = yield from change("POST", "/runs/tags", json={"runs": list(run_ids), "add": list(add), "remove": list(remove)})
    return [Commanded.model_validate(each) for each in answer["results"]]


def retry(run_id: str, changes: dict[str, Value] | None = None, *, reseed: bool = False) -> Flow[RetriedRun]:
    """Goes on with a failed run from its last good checkpoints. `notice` of the answer says when that can only fail again."""
    answer = yield from change("POST", f"/runs/{run_id}/retry", json={"set": changes or {}, "reseed": reseed})
    return RetriedRun.model_validate(answer)


def fork(
    run_id: str, changes: dict[str, Value] | None = None, *, keep_rounds: int | None = None, reseed: bool = False, name: str | None = None
) -> Flow[Run]:
    """A new run that keeps the first rounds (None: all that have ended) and trains on from their end, with edits or without."""
    return (yield from _fork(run_id, "fork", {"set": changes or {}, "keep_rounds": keep_rounds, "reseed": reseed, "name": name}))


def roll_back(run_id: str, keep_rounds: int, changes: dict[str, Value] | None = None, *, reseed: bool = False) -> Flow[Run]:
    """Ends the run, which keeps all it has; the answer is a new run of its name that trains on from the end of that round."""
    return (yield from _fork(run_id, "rollback", {"set": changes or {}, "keep_rounds": keep_rounds, "reseed": reseed}))


def _fork(run_id: str, path: str, body: dict[str, Any]) -> Flow[Run]:
    options = {"json": body, "headers": {"Idempotency-Key": uuid.uuid4().hex}}
    return Run.model_validate((yield Request("POST", f"/runs/{run_id}/{path}", options, repeatable=True)))


def delete_run(run_id: str, *, dry_run: bool = False) -> Flow[RunDeletion]:
    """Deletes a run that is over with everything of it, for good. With `dry_run` only tells what would go."""
    params = {"dry_run": "true"} if dry_run else {}
    return RunDeletion.model_validate((yield from change("DELETE", f"/runs/{run_id}", params=params)))


def describe(run_id: str, *, name: str | None = None, notes: str | None = None, tags: list[str] | None = None) -> Flow[Run]:
    """Changes name, notes or tags; None leaves as it is."""
    given = {key: value for key, value in (("name", name), ("notes", notes), ("tags", tags)) if value is not None}
    return Run.model_validate((yield from change("PATCH", f"/runs/{run_id}", json=given)))


def edit(run_id: str, changes: dict[str, Value], *, version: int | None = None) -> Flow[Run]:
    """Changes controls by path, say {"w.image.text": 0.3}.

    `version` is the control version the change is based on; without it, the newest. A stale one raises ApiError with status 412.
    """
    if version is None:
        version = (yield from run(run_id)).control_version
    headers = {"If-Match": f'"{version}"'}
    return Run.model_validate((yield from change("PATCH", f"/runs/{run_id}/controls", json={"set": changes}, headers=headers)))


def preview_edit(run_id: str, changes: dict[str, Value]) -> Flow[ControlPreview]:
    """What `edit` would change. Changes nothing."""
    headers = {"If-Match": f'"{(yield from run(run_id)).control_version}"'}
    answer = yield from change("PATCH", f"/runs/{run_id}/controls", json={"set": changes}, headers=headers, params={"dry_run": "true"})
    return ControlPreview.model_validate(answer)


def attempts(run_id: str) -> Flow[list[Attempt]]:
    """Every try at a segment, in the order in which they were sent."""
    return [Attempt.model_validate(item) for item in (yield from get(f"/runs/{run_id}/attempts"))["attempts"]]


def segments(run_id: str) -> Flow[list[Segment]]:
    """The plan in its order, and how far it is."""
    return [Segment.model_validate(item) for item in (yield from get(f"/runs/{run_id}/segments"))["segments"]]


def series(
    run_id: str,
    pattern: str = "*",
    *,
    name: str | Sequence[str] | None = None,
    policy: str | Sequence[str] | None = None,
    start: int | None = None,
    stop: int | None = None,
    limit: int = EVERY_POINT,
    tokens: bool = False,
) -> Flow[SeriesList]:
    """Curves whose path `name/policy[/peer][/domain]` fits the shell pattern: "capability/*", "gap/image/*", "reward/text".

    `start` and `stop` are steps. A longer series than `limit` is thinned, keeping what is largest and smallest; see Series.is_thinned.
    """
    first = pattern.partition("/")[0]
    name = name or (None if WILDCARDS.search(first) else first)
    answer = yield from get(
        f"/runs/{run_id}/series", name=name, policy=policy, start=start, stop=stop, limit=limit, tokens="true" if tokens else None
    )
    found = SeriesList.model_validate(answer)
    return SeriesList(cursor=found.cursor, series=[each for each in found.series if fnmatchcase(each.path, pattern)])


def cursor(run_id: str) -> Flow[str]:
    """The stream position of now: what is read after this call is not older, and `events` from here misses nothing."""
    return (yield from series(run_id, name="-", limit=4)).cursor


def figures(run_id: str) -> Flow[FigureList]:
    """The figures this run has, and Plotly templates for a light and a dark page."""
    return FigureList.model_validate((yield from get(f"/runs/{run_id}/figures")))


def figure(run_id: str, name: str, *, x: Literal["step", "time", "tokens"] = "step", compare: str | None = None) -> Flow[Figures]:
    """A figure by name; "capability" means all of "capability.<domain>". `compare`: another run's id to draw beside, or "none"."""
    listed = yield from figures(run_id)
    names = [each.name for each in listed.figures if each.name == name or each.name.startswith(f"{name}.")]
    if not names:
        raise ApiError(f"there is no figure '{name}'; this run has {', '.join(each.name for each in listed.figures)}", 404)
    drawn = list[Figure]()
    for each in names:
        drawn.append(Figure.model_validate((yield from get(f"/runs/{run_id}/figures/{quote(each, safe='')}", x=x, compare=compare))))
    return Figures(figures=drawn, templates=listed.templates)


def result(run_id: str) -> Flow[Result]:
    """What came of the run: accuracies with intervals, what it cost, its merged model's digest."""
    return Result.model_validate((yield from get(f"/runs/{run_id}/result")))


def checkpoints(run_id: str) -> Flow[list[Checkpoint]]:
    """What the store holds."""
    return [Checkpoint.model_validate(item) for item in (yield from get(f"/runs/{run_id}/checkpoints"))["checkpoints"]]


def pin(run_id: str, policy: str, step: int, *, pinned: bool = True) -> Flow[Checkpoint]:
    """Keeps a checkpoint whatever the run's policy says; with `pinned=False` lets go of it."""
    path = f"/runs/{run_id}/checkpoints/{quote(policy, safe='')}/{step}"
    return Checkpoint.model_validate((yield from change("PATCH", path, json={"pinned": pinned})))


def sweep(
    run_id: str, *, last: int | None = None, round_ends: bool | None = None, best: bool | None = None, dry_run: bool = False
) -> Flow[Sweep]:
    """Removes the checkpoints that nothing keeps: None leaves it to the run's spec. With `dry_run` only tells."""
    keep = {name: value for name, value in (("last", last), ("round_ends", round_ends), ("best", best)) if value is not None}
    params = {"dry_run": "true"} if dry_run else {}
    return Sweep.model_validate((yield from change("POST", f"/runs/{run_id}/checkpoints/sweep", json=keep, params=params)))


def log(
    run_id: str,
    *,
    attempt: int | None = None,
    policy: str | None = None,
    level: LogLevel | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> Flow[list[LogEntry]]:
    """The newest entries, or with `after` the next ones with a higher id; oldest first. `level`: this and above."""
    wanted = {"attempt": attempt, "policy": policy, "level": level, "after": after, "limit": limit}
    return [LogEntry.model_validate(item) for item in (yield from get(f"/runs/{run_id}/log", **wanted))["entries"]]


def rollouts(
    run_id: str,
    *,
    policy: str | Sequence[str] | None = None,
    domain: str | Sequence[str] | None = None,
    part: RolloutPart | Sequence[RolloutPart] | None = None,
    first_step: int | None = None,
    last_step: int | None = None,
    reward_min: float | None = None,
    reward_max: float | None = None,
    sort: RolloutSort = "newest",
    after: str | None = None,
    limit: int = 50,
) -> Flow[RolloutPage]:
    """One page of what was kept of the run's rollouts; `next` of the answer is the `after` of the following page.

    Rewards are means over the completions of a prompt. `sort="gap"` begins where teachers agree least.
    """
    wanted = {"policy": policy, "domain": domain, "part": part, "first_step": first_step, "last_step": last_step}
    wanted |= {"reward_min": reward_min, "reward_max": reward_max, "sort": sort, "after": after, "limit": limit}
    return RolloutPage.model_validate((yield from get(f"/runs/{run_id}/rollouts", **wanted)))


def rollout(run_id: str, number: int) -> Flow[RolloutView]:
    """One rollout token by token, with what student and teachers thought of each."""
    return RolloutView.model_validate((yield from get(f"/runs/{run_id}/rollouts/{number}")))


def probe_history(run_id: str, domain: str, index: int, *, limit: int = 200) -> Flow[ProbeHistory]:
    """What each policy answered to one held-out prompt, step by step."""
    return ProbeHistory.model_validate((yield from get(f"/runs/{run_id}/probes/history", domain=domain, index=index, limit=limit)))


def request_export(run_id: str, *, policy: str = "merged", step: int | None = None) -> Flow[Export]:
    """Asks for a policy as a plain Hugging Face folder."""
    return Export.model_validate((yield from change("POST", f"/runs/{run_id}/export", json={"policy": policy, "step": step})))


def exports(run_id: str) -> Flow[list[Export]]:
    return [Export.model_validate(item) for item in (yield from get(f"/runs/{run_id}/exports"))["exports"]]


def users() -> Flow[list[User]]:
    """Everybody. For admins."""
    return [User.model_validate(item) for item in (yield from get("/users"))["users"]]


def add_user(name: str, role: Role, password: str | None = None) -> Flow[User]:
    """Without a password, a user has links and tokens only."""
    return User.model_validate((yield from change("POST", "/users", json={"name": name, "role": role, "password": password})))


def change_user(name: str, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None) -> Flow[User]:
    """None leaves as it is. Disabling ends every login of the user."""
    given = {"role": role, "disabled": disabled, "password": password}
    return User.model_validate((yield from change("PATCH", f"/users/{quote(name, safe='')}", json=given)))


def change_password(current: str, new: str) -> Flow[None]:
    """Of one's own. One's other browser sessions end, tokens stay."""
    yield from change("PUT", "/session/password", json={"current": current, "new": new})


def tokens() -> Flow[list[Token]]:
    """One's own; for an admin everybody's."""
    return [Token.model_validate(item) for item in (yield from get("/tokens"))["tokens"]]


def create_token(name: str, *, role: Role | None = None, days: int | None = None) -> Flow[Token]:
    """A token of the caller; `value` can be read this once."""
    return Token.model_validate((yield from change("POST", "/tokens", json={"name": name, "role": role, "days": days})))


def revoke_token(number: int) -> Flow[None]:
    """Ends a token at once."""
    yield from change("DELETE", f"/tokens/{number}")


def webhooks() -> Flow[list[Webhook]]:
    """All of them. For admins."""
    return [Webhook.model_validate(item) for item in (yield from get("/webhooks"))["webhooks"]]


def add_webhook(url: str, events: Sequence[str] = WEBHOOK_EVENTS, *, overlap_floor: float = 0.9) -> Flow[Webhook]:
    """Tells `url` of these events; `secret`, with which its receiver checks signatures, can be read this once."""
    given = {"url": url, "events": list(events), "overlap_floor": overlap_floor}
    return Webhook.model_validate((yield from change("POST", "/webhooks", json=given)))


def remove_webhook(number: int) -> Flow[None]:
    """Ends it, and drops what it has not delivered."""
    yield from change("DELETE", f"/webhooks/{number}")


def send_test(number: int) -> Flow[Delivery]:
    """Sends a message of type `test`; `webhook_deliveries` tells what came of it."""
    return Delivery.model_validate((yield from change("POST", f"/webhooks/{number}/test")))


def webhook_deliveries(number: int, *, limit: int = 100) -> Flow[list[Delivery]]:
    """Its messages and what became of them, newest first."""
    return [Delivery.model_validate(item) for item in (yield from get(f"/webhooks/{number}/deliveries", limit=limit))["deliveries"]]


def redeliver(number: int, message: str) -> Flow[Delivery]:
    """Sends a message of a webhook once more, under the same id."""
    return Delivery.model_validate((yield from change("POST", f"/webhooks/{number}/deliveries/{quote(message, safe='')}/again")))


def workers() -> Flow[WorkerList]:
    """The workers that are alive, and whether a scheduler leads."""
    return WorkerList.model_validate((yield from get("/workers")))


def spec_schema() -> Flow[dict[str, Any]]:
    """The JSON schema of a run spec."""
    return (yield from get("/spec/schema"))


def set_field(spec: dict[str, Any], path: str, value: Any) -> None:
    """Sets a field of a spec by its dotted path, whatever is there; the server says what is wrong with the result."""
    *parents, leaf = path.split(".")
    for name in parents:
        node = spec.get(name)
        spec[name] = spec = node if isinstance(node, dict) else {}
    spec[leaf] = value
