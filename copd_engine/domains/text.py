"""Text problems of the package reasoning-gym."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from copd_engine.domains.base import Prompt, Reward, Split, check_index, exact_match

_HELDOUT_SHARE: Final = 8  # one question in eight is held out
_TRIES: Final = 2_000
_STRIDE: Final = 2**32  # item numbers of one prompt's tries: index, index + stride, ...
_SIZE: Final = 1_000  # items of a task that makes a finite list; the others make any item number on demand


def split_of(question: str) -> Split:
    """The split a question belongs to, by a hash of its text: no question can be in both."""
    digest = hashlib.blake2b(question.encode(), digest_size=8).digest()
    return "heldout" if int.from_bytes(digest, "little") % _HELDOUT_SHARE == 0 else "train"


class TextDomain:
    """reasoning-gym tasks in turn: prompt i is of task i mod n. The answer must be the dataset's own, letter by letter."""

    def __init__(self, name: str, tasks: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises ValueError, naming the task, for an unknown task or parameters it does not take."""
        self.name = name
        self._datasets = [_dataset(task, params) for task, params in tasks.items()]
        self._tasks = list(tasks)

    def prompt(self, split: Split, index: int) -> Prompt:
        check_index(split, index)
        item, which = divmod(index, len(self._datasets))
        dataset = self._datasets[which]
        for attempt in range(_TRIES):
            entry = dataset(item + attempt * _STRIDE)
            question = str(entry["question"]).strip()
            if split_of(question) == split:
                return Prompt(self.name, split, index, question, str(entry["answer"]).strip())
        raise ValueError(
            f"domains.{self.name}.tasks.{self._tasks[which]}: no {split} question in {_TRIES} draws; "
            "its parameters allow too few different questions"
        )

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        return exact_match(prompt, completion)


def _dataset(task: str, params: Mapping[str, Any]) -> Callable[[int], dict[str, Any]]:
    """A task's question and answer by item number."""
    from reasoning_gym import create_dataset  # a second to import: not before a text domain is wanted
    from reasoning_gym.factory import DATASETS

    if task not in DATASETS:
        raise ValueError(f"tasks.{task}: reasoning-gym has no such task")
    if taken := {"seed", "size"} & params.keys():
        raise ValueError(f"tasks.{task}.{min(taken)}: is set by the run, leave it out")
    try:
        dataset = create_dataset(task, seed=0, size=_SIZE, **params)
        answer = dataset[0]["answer"]
    except (TypeError, ValueError, AssertionError, ImportError) as error:
        raise ValueError(f"tasks.{task}: {error}") from error
    if answer is None:
        raise ValueError(f"tasks.{task}: gives no answer to compare with; choose another task")
    if _is_endless(dataset):
        return dataset.__getitem__
    return lambda number: dataset[number % _SIZE]


def _is_endless(dataset: Any) -> bool:
    """Whether items beyond the dataset's nominal size exist: most tasks make an item from its number alone."""
    try:
        dataset[_TRIES * _STRIDE]
    except (IndexError, ValueError):
        return False
    return True
