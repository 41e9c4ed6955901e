"""Where numbers come from: code, packages, hardware, spec and data of an attempt. For people to read; nothing computes with it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import torch
from pydantic import BaseModel, ConfigDict

from copd_engine.domains import Domain
from copd_engine.domains.dataset import DatasetDomain
from copd_engine.fingerprint import fingerprint
from copd_engine.spec import RunSpec

PACKAGES: Final = (
    "copd",
    "torch",
    "torchvision",
    "transformers",
    "tokenizers",
    "peft",
    "safetensors",
    "numpy",
    "datasets",
    "reasoning-gym",
)
GIT_SECONDS: Final = 10.0


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Part):
    """The engine's source as its process found it, where that is a git working tree."""

    commit: str | None = None
    """None: it was installed as a package, whose version says it all, or git is not there."""
    changes: str | None = None
    """SHA-256 of `git diff HEAD` where that is not empty: the code is not that of the commit."""


class Provenance(_Part):
    """One attempt's. Equal code, packages, fingerprint, spec and data mean equal numbers, where the run is exact."""

    code: Code
    packages: dict[str, str]
    hardware: dict[str, str]
    """CPU, cores, memory, and the GPU where one was used."""
    fingerprint: str
    """What bits depend on besides the spec."""
    spec: str
    """SHA-256 of the spec as it stood for the segment's round."""
    data: dict[str, str] = {}
    """Domain → fingerprint of the rows it read, for domains that read a data set."""


def provenance(spec: RunSpec) -> Provenance:
    """Of an attempt that this process is about to carry out; what data it reads is seen when it has."""
    return Provenance(
        code=code(Path(__file__).parent),
        packages=_packages(),
        hardware=_hardware(),
        fingerprint=fingerprint(spec.compute.threads),
        spec=hash_of(spec),
    )


def fingerprints(domains: Iterable[Domain]) -> dict[str, str]:
    """Domain → fingerprint, of those that read a data set; the others are functions of their package's version."""
    return {domain.name: domain.fingerprint for domain in domains if isinstance(domain, DatasetDomain)}


def hash_of(spec: RunSpec) -> str:
    """SHA-256 of the spec, the same however it was written."""
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


@cache
def code(folder: Path) -> Code:
    """The commit a folder of source stands at, and whether it was changed since. Nothing where git does not know the folder's files."""
    if not _git(folder, "ls-files", "--", "."):
        return Code()
    commit, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "diff", "HEAD", "--binary", "--", ".")
    return Code(commit=(commit or b"").decode().strip() or None, changes=hashlib.sha256(changes).hexdigest() if changes else None)


def _git(folder: Path, *command: str) -> bytes | None:
    try:
        return subprocess.run(["git", "-C", str(folder), *command], capture_output=True, check=True, timeout=GIT_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return None


@cache
def _packages() -> dict[str, str]:
    found = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _hardware() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = {"cpu": _cpu(), "cores": str(os.cpu_count()), "memory": f"{memory / (1 << 30):.1f} GiB"}
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        found |= {"gpu": gpu.name, "gpu_memory": f"{gpu.total_memory / (1 << 30):.1f} GiB"}
    return found


def _cpu() -> str:
    """As /proc/cpuinfo names it; elsewhere its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
