"""Text problems of the package reasoning-gym."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from copd_engine import spec
from copd_engine.domains.base import Prompt, Reward, Split, check_index
from copd_engine.domains.judge import Judge, Tasks
from copd_engine.spec.verifiers import EXACT

_HELDOUT_SHARE: Final = 8  # one question in eight is held out
_TRIES: Final = 2_000
_STRIDE: Final = 2**32  # item numbers of one prompt's tries: index, index + stride, ...
SHARE: Final = "share"  # a task's prompts in every turn
_LARGEST_SHARE: Final = 100
_SIZE: Final = 1_000  # items of a task that makes a finite list; the others make any item number on demand


def split_of(question: str) -> Split:
    """The split a question belongs to, by a hash of its text: no question can be in both."""
    digest = hashlib.blake2b(question.encode(), digest_size=8).digest()
    return "heldout" if int.from_bytes(digest, "little") % _HELDOUT_SHARE == 0 else "train"


class TextDomain:
    """reasoning-gym tasks in turn: prompt i is of task i mod n, or of the place i has in a turn where tasks take larger shares of it.

    Unless other verifiers are given, the answer must be the dataset's own, letter by letter.
    """

    def __init__(self, name: str, tasks: Tasks, verifiers: Sequence[spec.Verifier] = EXACT) -> None:
        """Raises ValueError, naming the task, for an unknown task, parameters it does not take, or a share that is none."""
        self.name = name
        self._tasks = list(tasks)
        self._datasets = [_dataset(task, {k: v for k, v in params.items() if k != SHARE}) for task, params in tasks.items()]
        self._turn = [which for which, (task, params) in enumerate(tasks.items()) for _ in range(_share(task, params))]
        self._judge = Judge(verifiers, tasks)

    def count(self, split: Split) -> None:
        """Prompts are drawn, some perhaps twice; there is no end of them."""

    def prompt(self, split: Split, index: int) -> Prompt:
        entry = self._entry(split, index)
        return Prompt(self.name, split, index, str(entry["question"]).strip(), str(entry["answer"]).strip())

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        return self._judge(prompt, completion)

    def score(self, prompt: Prompt, completion: str) -> float:
        """What reasoning-gym's own scorer pays, which may be more than 0 for text that merely contains the answer."""
        scorer = self._datasets[self._which(prompt.index)[0]].scorer
        return float(scorer(completion.strip(), self._entry(prompt.split, prompt.index)))

    def _which(self, index: int) -> tuple[int, int]:
        """Which task prompt `index` is of, and which of that task's items it starts from."""
        turn, place = divmod(index, len(self._turn))
        which = self._turn[place]
        return which, turn * self._turn.count(which) + place - self._turn.index(which)

    def _entry(self, split: Split, index: int) -> dict[str, Any]:
        check_index(split, index)
        which, item = self._which(index)
        for attempt in range(_TRIES):
            entry = self._datasets[which].entry(item + attempt * _STRIDE)
            if split_of(str(entry["question"]).strip()) == split:
                return entry
        raise ValueError(
            f"domains.{self.name}.tasks.{self._tasks[which]}: no {split} question in {_TRIES} draws; "
            "its parameters allow too few different questions"
        )


class _Task(NamedTuple):
    """A task's entries by item number, and its scorer of (answer, entry)."""

    entry: Callable[[int], dict[str, Any]]
    scorer: Callable[[str, dict[str, Any]], float]


def _share(task: str, params: Mapping[str, Any]) -> int:
    share = params.get(SHARE, 1)
    if not isinstance(share, int) or not 1 <= share <= _LARGEST_SHARE:
        raise ValueError(f"tasks.{task}.{SHARE}: must be a whole number from 1 to {_LARGEST_SHARE}, got {share!r}")
    return share


def _dataset(task: str, params: Mapping[str, Any]) -> _Task:
    """A task's entries. Raises ValueError, naming the task."""
    from reasoning_gym import create_dataset  # a second to import: not before a text domain is wanted
    from reasoning_gym.factory import DATASETS

    if task not in DATASETS:
        raise ValueError(f"tasks.{task}: reasoning-gym has no such task")
    if taken := {"seed", "size"} & params.keys():
        raise ValueError(f"tasks.{task}.{min(taken)}: is set by the run, leave it out")
    _check_files(task, params)
    try:
        dataset = create_dataset(task, seed=0, size=_SIZE, **params)
        answer = dataset[0]["answer"]
    except Exception as error:  # anything may happen in a task that is given anything
        raise ValueError(f"tasks.{task}: {str(error) or type(error).__name__}") from error
    if answer is None:
        raise ValueError(f"tasks.{task}: gives no answer to compare with; choose another task")
    if _is_endless(dataset):
        return _Task(dataset.__getitem__, dataset.score_answer)
    return _Task(lambda number: dataset[number % _SIZE], dataset.score_answer)


def _check_files(task: str, params: Any) -> None:
    """Raises ValueError where a parameter, at any depth, names a file that is not one of reasoning-gym's own word lists."""
    items = params.items() if isinstance(params, dict) else enumerate(params) if isinstance(params, list) else ()
    for name, value in items:
        if name == "data_file" and not (isinstance(value, str) and re.fullmatch(r"\w+\.txt", value)):
            raise ValueError(f"tasks.{task}.data_file: must be the name of a word list of reasoning-gym's own, such as words3to10.txt")
        _check_files(task, value)


def _is_endless(dataset: Any) -> bool:
    """Whether items beyond the dataset's nominal size exist: most tasks make an item from its number alone."""
    try:
        dataset[_TRIES * _STRIDE]
    except (IndexError, ValueError):
        return False
    return True
