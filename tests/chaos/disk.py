"""A run's folder in the store on a file system of its own that can be made full: real writes, refused by the real kernel."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMY = 1 << 28
PAGE = 4096


@dataclass(frozen=True)
class Disk:
    """A tmpfs; only root may mount one."""

    folder: Path

    def fill(self, room: int = 0) -> None:
        """Leaves about `room` bytes free. The kernel refuses a size below what is there, and the run may be writing: then again."""
        while not self._resize(max(PAGE, shutil.disk_usage(self.folder).used + room)):
            pass

    def free(self) -> None:
        """As roomy as in the beginning."""
        assert self._resize(ROOMY)

    def _resize(self, size: int) -> bool:
        command = ["mount", "-o", f"remount,size={size}", str(self.folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def own_disk(folder: Path) -> Iterator[Disk]:
    """Puts what is in the folder on a disk of its own for the block. Nobody may be writing there as it begins and ends."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, aside)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY},mode=755", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield Disk(folder)
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)
        aside.rename(folder)
