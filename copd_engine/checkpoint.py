"""Checkpoints of a policy: float32 weights, and the optimizer's state where training goes on from here. safetensors and JSON, never pickle.

A checkpoint folder holds `weights.safetensors` (what teachers, evaluation, merge and export read), `optimizer.safetensors` (only with
state) and `manifest.json` with the SHA-256 of both files and the digest of the weights. Compute in bfloat16 runs under autocast on
float32 weights, so a snapshot and a state have the same bits and the weights are stored once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from copd_engine.job import CheckpointRecord
from copd_engine.policy import digest
from copd_engine.store import MANIFEST, Store

WEIGHTS, OPTIMIZER = "weights.safetensors", "optimizer.safetensors"
HASHED_AT_ONCE = 1 << 24  # bytes
_TYPE_NAMES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64"}


class CheckpointError(ValueError):
    """A checkpoint that is missing, truncated or altered. Names it."""


class File(BaseModel):
    """What a file of a checkpoint must be: its SHA-256 and its size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """What a checkpoint is, and what its files must be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    policy: str
    step: int
    digest: str
    """SHA-256 over the weights by name (`copd_engine.policy.digest`)."""
    files: dict[str, File]

    @property
    def has_state(self) -> bool:
        """Whether training can go on from here."""
        return OPTIMIZER in self.files


class LazyTensors(Mapping[str, Tensor]):
    """The tensors of a safetensors file, each read when asked for."""

    def __init__(self, path: Path) -> None:
        self._file: Any = safe_open(str(path), framework="pt")
        self._names = sorted(self._file.keys())

    def __getitem__(self, name: str) -> Tensor:
        return self._file.get_tensor(name).clone()  # out of the mapped file: alignment can change bits

    def __contains__(self, name: object) -> bool:
        return name in self._names  # without reading it, as Mapping would

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def publish(
    store: Store,
    path: str,
    policy: str,
    step: int,
    weights: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor] | None = None,
    *,
    like: Mapping[str, Tensor] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> CheckpointRecord:
    """Stores a checkpoint at `path`, whole or not at all. `weights` may be lazy: they are read one tensor at a time.

    like: as in `write_tensors`. progress: called for each tensor and each piece of a file.
    """
    with store.publishing(path) as folder:
        write_tensors(folder / WEIGHTS, weights, like=like, progress=progress)
        if optimizer is not None:
            write_tensors(folder / OPTIMIZER, optimizer, progress=progress)
        files = {file.name: _file_entry(file, progress) for file in sorted(folder.iterdir())}
        manifest = Manifest(policy=policy, step=step, digest=digest(LazyTensors(folder / WEIGHTS), progress), files=files)
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1))
    size = sum(file.bytes for file in files.values())
    return CheckpointRecord(policy=policy, step=step, path=path, digest=manifest.digest, bytes=size, has_state=manifest.has_state)


@contextmanager
def opened(store: Store, path: str, progress: Callable[[], None] = lambda: None) -> Iterator[Checkpoint]:
    """The checkpoint at `path`, its files checked against the manifest. Raises CheckpointError for a missing or damaged one."""
    try:
        with store.folder(path) as folder:
            manifest = _checked_manifest(folder, path, progress)
            yield Checkpoint(folder, manifest)
    except FileNotFoundError as error:
        raise CheckpointError(f"checkpoint {path} is not in the store ({error})") from error
    except SafetensorError as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error


class Checkpoint:
    """An opened checkpoint: its manifest, and its tensors as mappings that read one at a time."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self._folder = folder

    @property
    def weights(self) -> LazyTensors:
        """Trainable parameters by name, each of its own shape; of an adapter, its factors."""
        return LazyTensors(self._folder / WEIGHTS)

    @property
    def optimizer(self) -> LazyTensors:
        """Raises CheckpointError when this checkpoint was stored without state."""
        if not self.manifest.has_state:
            raise CheckpointError(f"checkpoint {self.manifest.policy}@{self.manifest.step} holds no optimizer state to train on from")
        return LazyTensors(self._folder / OPTIMIZER)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    like: Mapping[str, Tensor] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """One safetensors file, streamed: only one tensor is in memory beyond what `tensors` itself holds.

    like: tensors of the same names, shapes and types for the header, where those of `tensors` cost much to compute.
    The format: a little-endian 64-bit length, that many bytes of JSON header, then the tensors' bytes in header order.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in sorted(tensors):
        tensor = (like or tensors)[name]
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _TYPE_NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
        progress()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors):
            file.write(tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
            progress()


def _checked_manifest(folder: Path, path: str, progress: Callable[[], None]) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"checkpoint {path} has no {MANIFEST}: it was never published whole") from None
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path} has an unreadable {MANIFEST}: {error.errors()[0]['msg']}") from None
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"checkpoint {path} lacks its file {name}")
        size = file.stat().st_size
        if size != expected.bytes:
            raise CheckpointError(f"checkpoint {path} is truncated: {name} has {size} bytes, its manifest says {expected.bytes}")
        if _sha256(file, progress) != expected.sha256:
            raise CheckpointError(f"checkpoint {path} was altered: the SHA-256 of {name} is not the one in its manifest")
    return manifest


def _file_entry(path: Path, progress: Callable[[], None]) -> File:
    return File(sha256=_sha256(path, progress), bytes=path.stat().st_size)


def _sha256(path: Path, progress: Callable[[], None]) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(HASHED_AT_ONCE):
            total.update(piece)
            progress()
    return total.hexdigest()
