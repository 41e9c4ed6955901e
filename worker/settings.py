"""Settings of one worker slot, from environment variables named COPD_… The child inherits them, resolved, from its parent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from copd_engine.reach import FolderList, Reach
from copd_engine.store import open_store

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def _worker_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ValueError("must be 1-64 of letters, digits, '.', '_' and '-', starting with a letter or digit")
    return name


def _device(device: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?|", device):
        raise ValueError("must be cpu, cuda or cuda:<index>")
    return device


def _redis_url(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return url


def _store_url(url: str) -> str:
    try:
        open_store(url)
    except (ImportError, OSError) as error:
        raise ValueError(str(error)) from error
    return url


class WorkerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="COPD_", extra="ignore")

    redis_url: Annotated[str, AfterValidator(_redis_url)]
    """redis://…, rediss://… or unix:///path"""
    store_url: Annotated[str, AfterValidator(_store_url)]
    """The checkpoint store, an fsspec URL: file:///…, s3://…, gs://…"""
    worker_name: Annotated[str, AfterValidator(_worker_name)] | None = None
    """Unique among all workers of one Redis. None: the host's name and the first number that is free on it."""
    worker_threads: int = Field(default=1, ge=1)
    device: Annotated[str, AfterValidator(_device)] = ""
    """cpu, cuda or cuda:<index among the visible GPUs>. Empty: the first visible GPU, else the CPU."""
    home: Path = Path(".copd")
    """`slots/<name>` below it holds the few bytes that parent and child tell each other."""
    stall_seconds: float = Field(default=120, gt=0)
    """A child that makes no progress for so long has lost its lease and is killed."""
    stop_seconds: float = Field(default=15, ge=0)
    """How long a stopping worker waits for its attempt to finish a step and store its state."""
    model_roots: FolderList = ""
    data_roots: FolderList = ""
    """Absolute folders, with os.pathsep between them, below which the paths of specs must end. Empty: only what ships."""
    allow_hub: bool = False
    """Whether specs may name models and data of the Hugging Face hub."""
    log_json: bool = False
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where Prometheus reads this process's /metrics; None: nowhere."""
    metrics_host: str = "127.0.0.1"

    @property
    def reach(self) -> Reach:
        """What the paths of a spec may lead to."""
        return Reach.of(self.model_roots, self.data_roots, hub=self.allow_hub)

    @property
    def name(self) -> str:
        assert self.worker_name, "the parent resolves the name before anything else"
        return self.worker_name

    def for_child(self) -> dict[str, str]:
        """Environment variables that give the child exactly these settings, its threads and its device, and nobody else's."""
        variables = {
            "COPD_WORKER_NAME": self.name,
            "COPD_HOME": str(self.home.resolve()),
            "COPD_WORKER_PARENT": str(os.getpid()),
            "TOKENIZERS_PARALLELISM": "false",
        }
        if not self.allow_hub:
            variables["HF_HUB_OFFLINE"] = "1"  # also for what a model's own files may name
        variables |= dict.fromkeys(THREAD_VARIABLES, str(self.worker_threads))
        if self.device == "cpu":
            variables["CUDA_VISIBLE_DEVICES"] = ""
        else:
            variables |= _pinned(int(self.device.partition(":")[2] or 0), os.environ.get("CUDA_VISIBLE_DEVICES"))
        return variables


def _pinned(index: int, visible: str | None) -> dict[str, str]:
    """CUDA_VISIBLE_DEVICES with the one GPU that has this index among the visible ones. Raises ValueError when it has none."""
    if visible is None:
        return {"CUDA_VISIBLE_DEVICES": str(index)}
    gpus = [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
    if not gpus and not index:
        return {}  # GPUs are hidden on purpose
    if index >= len(gpus):
        raise ValueError(f"COPD_DEVICE: there is no cuda:{index}; CUDA_VISIBLE_DEVICES names {len(gpus)} ({visible})")
    return {"CUDA_VISIBLE_DEVICES": gpus[index]}
