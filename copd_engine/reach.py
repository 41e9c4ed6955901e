"""What the paths of a spec may lead to: folders of models, folders of data, the Hugging Face hub. Needs no torch.

Looked at where a spec is submitted, and again by the worker: a link may have been moved in between, and a data set names files of its own.
Code that comes with a model is never run, whatever is allowed here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator

HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
ROOTS_OF: Final = {"model": "COPD_MODEL_ROOTS", "data": "COPD_DATA_ROOTS"}


def _absolute_folders(text: str) -> str:
    if relative := [folder for folder in _split(text) if not folder.is_absolute()]:
        raise ValueError(f"must be absolute folders with '{os.pathsep}' between them; {relative[0]} is not absolute")
    return text


FolderList = Annotated[str, AfterValidator(_absolute_folders)]
"""Absolute folders with os.pathsep between them, as in PATH; empty: none."""


@dataclass(frozen=True)
class Reach:
    """Folders below which spec paths must end, links resolved, and whether ids of the hub may be fetched."""

    models: tuple[Path, ...]
    data: tuple[Path, ...]
    hub: bool

    @classmethod
    def of(cls, models: FolderList, data: FolderList, *, hub: bool) -> Self:
        return cls(_split(models), _split(data), hub)

    def problem(self, what: Literal["model", "data"], path: str | Path) -> str | None:
        """Why `path` may not be used and what would be right; None where it may. An id of the hub is one only where no file has its name.

        Of an absolute path outside the folders it does not tell whether there is anything.
        """
        if HUB_ID.fullmatch(str(path)) and not os.path.lexists(path):
            right = "give a folder or a file (or an administrator sets COPD_ALLOW_HUB=1)"
            return None if self.hub else f"{path} would come from the Hugging Face hub, which is off here; {right}"
        roots = self.models if what == "model" else self.data
        if _is_inside(path, roots):
            return _unreadable(Path(path))
        right = f"give one below {' or '.join(map(str, roots))}" if roots else "no folder is allowed"
        return f"{path} is outside the allowed folders; {right} (an administrator sets {ROOTS_OF[what]})"


EVERYWHERE: Final = Reach((Path("/"),), (Path("/"),), hub=True)
"""For a person's own runs on their own machine: what their own user may read, they may train on."""


def _split(folders: str) -> tuple[Path, ...]:
    return tuple(Path(folder) for folder in folders.split(os.pathsep) if folder)


def _unreadable(path: Path) -> str | None:
    """Why one cannot even ask what is there: a name too long, a folder that is closed."""
    try:
        (path / "config.json").exists()
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    return None


def _is_inside(path: str | Path, roots: tuple[Path, ...]) -> bool:
    """Whether what `path` leads to, all links followed, is one of the roots or below it."""
    target = Path(os.path.realpath(path))
    return any(target.is_relative_to(os.path.realpath(root)) for root in roots)
