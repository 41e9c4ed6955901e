"""A verifier may raise, hang or crash; that costs one sample a zero, never the run.

Verifiers that call foreign code (an algebra system, a regular expression, a plugin) run in a process of their own, asked over a pipe.
A time limit inside this process could not hold: signals reach the main thread alone, and a worker may judge in another; a thread cannot
be stopped; and neither interrupts a loop in C. The judging process limits itself: a watchdog thread of the interpreter (faulthandler's,
written in C) ends it when one judgement takes too long. The asker sees the pipe close, gives the sample its zero and starts a new
process for the next. The pipe also closes when the asker is killed, so that no judging process outlives it for longer than one
judgement.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from pydantic import TypeAdapter

from copd_engine import spec
from copd_engine.domains.base import Prompt, Reward
from copd_engine.domains.verifiers import Score, failure, judged, plugin

LIMIT_SECONDS: Final = 5.0
STARTING_SECONDS: Final = 120.0
_FOREIGN: Final = (spec.Math, spec.Regex, spec.ReasoningGymScorer, spec.Plugin)
_VERIFIERS: Final = TypeAdapter(list[spec.Verifier])
_FIELDS: Final = ("domain", "split", "index", "text", "answer", "origin")

Tasks = Mapping[str, Mapping[str, Any]]


class Judge:
    """Judges completions by a domain's verifiers, and never raises. May be called from any thread."""

    def __init__(self, verifiers: Sequence[spec.Verifier], tasks: Tasks | None = None, seconds: float = LIMIT_SECONDS) -> None:
        """tasks: the reasoning-gym tasks whose scorers judge. seconds: the time limit of one judgement.

        Raises ValueError for a plugin that is not installed. The process starts with the first judgement that needs it.
        """
        for verifier in verifiers:
            if isinstance(verifier, spec.Plugin):
                plugin(verifier.name)
        self._verifiers = list(verifiers)
        self._bench = _Bench(self._verifiers, tasks, seconds) if any(isinstance(v, _FOREIGN) for v in verifiers) else None

    def __call__(self, prompt: Prompt, completion: str) -> Reward:
        if self._bench is None:
            return judged(self._verifiers, [None] * len(self._verifiers), prompt, completion)
        return self._bench.ask(prompt, completion)


class _Bench:
    """The asker's side: at most one judging process, started when needed."""

    def __init__(self, verifiers: list[spec.Verifier], tasks: Tasks | None, seconds: float) -> None:
        self._verifiers, self._tasks, self._seconds = verifiers, tasks, seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._close: Callable[[], Any] = lambda: None

    def ask(self, prompt: Prompt, completion: str) -> Reward:
        with self._lock:
            try:
                if self._process is None:
                    self._process = self._start()
                answer = self._exchange(
                    self._process, {"prompt": {name: getattr(prompt, name) for name in _FIELDS}, "completion": completion}
                )
            except _JudgeGoneError as error:
                self._close()
                self._process = None
                return failure(f"verifier {', '.join(v.kind for v in self._verifiers)}: {error}")
        return Reward(**answer)

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # A session of its own: Ctrl-C, meant for the run, must not cost a sample.
        command = [sys.executable, "-c", "from copd_engine.domains.judge import main; main()"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | settings, start_new_session=True
        )
        self._close = weakref.finalize(self, _ended, process)
        verifiers = [verifier.model_dump() for verifier in self._verifiers]
        self._exchange(process, {"verifiers": verifiers, "tasks": self._tasks, "seconds": self._seconds})
        return process

    def _exchange(self, process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(message, default=dict).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise _JudgeGoneError("its process has ended") from None
        line = process.stdout.readline()
        if not line.endswith(b"\n"):
            raise _JudgeGoneError(f"took longer than {self._seconds:g} s, or crashed")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _JudgeGoneError(answer["error"])
        return answer


class _JudgeGoneError(Exception):
    """The judging process ended before it answered, or could not begin."""


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what was not yet sent has nobody to read it
                continue


# -- the judging process -----------------------------------------------------------------------------------------------


def main() -> None:
    """One line of JSON in, one out, until the asker closes the pipe. The first line says how to judge."""
    with os.fdopen(os.dup(0)) as questions, os.fdopen(os.dup(1), "wb") as answers, Path(os.devnull).open("r+") as nowhere:
        os.dup2(nowhere.fileno(), 0)  # a verifier that reads its input takes no question away,
        os.dup2(2, 1)  # and what it prints goes to the error log, not between the answers
        faulthandler.dump_traceback_later(STARTING_SECONDS, exit=True, file=nowhere)
        settings = json.loads(questions.readline())
        verifiers = _VERIFIERS.validate_python(settings["verifiers"])
        try:
            scores = [_score_of(verifier, settings["tasks"]) for verifier in verifiers]
        except Exception as error:  # noqa: BLE001 – importing a third party's verifier may raise anything
            _answer(answers, {"error": f"cannot be loaded: {type(error).__name__}: {error}"})
            return
        faulthandler.cancel_dump_traceback_later()
        _answer(answers, {})
        for line in questions:
            question = json.loads(line)
            faulthandler.dump_traceback_later(settings["seconds"], exit=True, file=nowhere)
            reward = judged(verifiers, scores, Prompt(**question["prompt"]), question["completion"])
            faulthandler.cancel_dump_traceback_later()
            _answer(answers, asdict(reward))


def _answer(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _score_of(verifier: spec.Verifier, tasks: Tasks | None) -> Score | None:
    """What a verifier calls, loaded."""
    match verifier:
        case spec.Plugin():
            return plugin(verifier.name).load()
        case spec.ReasoningGymScorer():
            from copd_engine.domains.text import TextDomain

            return TextDomain("", tasks or {}).score
        case spec.Math():
            import math_verify  # noqa: F401 – loaded here, the first judgement is not late
    return None
