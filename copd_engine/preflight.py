"""What of a spec can be checked before anything runs, beyond its fields: that its tasks exist and its model is there. Needs no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from copd_engine.domains import build_domain
from copd_engine.spec import Dataset, FieldError, RunSpec, SpecError
from copd_engine.spec.sampling import SamplingEngine

SHIPPED = "tiny"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def check_available(spec: RunSpec) -> None:
    """Raises SpecError naming every domain that cannot be built and every model that is not there. Reads local data once, row by row.

    A hub id is taken on trust unless the hub is switched off (HF_HUB_OFFLINE): only a worker may reach it.
    """
    models = {"model.path": spec.model.path} | {f"teachers.{name}.path": teacher.path for name, teacher in spec.teachers.items()}
    problems = [*(problem for field, path in models.items() for problem in _model_problems(field, path)), *_domain_problems(spec)]
    if problems:
        raise SpecError(problems)


def check_engine(engine: SamplingEngine) -> None:
    """Raises SpecError when this machine lacks the package that `sampling.engine` names. A server need not have it: workers sample."""
    if engine == "vllm" and find_spec("vllm") is None:
        right = "run pip install 'copd[vllm]' on every machine with workers, or use local"
        raise SpecError([FieldError("sampling.engine", f"vllm is not installed here; {right}")])


def _model_problems(field: str, path: str) -> Iterator[FieldError]:
    if path == SHIPPED or (Path(path) / "config.json").is_file() or (path.endswith(".gguf") and Path(path).is_file()):
        return
    if Path(path).is_dir():
        yield FieldError(field, f"the folder {path} holds no config.json; give a folder saved by save_pretrained")
    elif not _may_be_on_the_hub(path):
        right = f"give `{SHIPPED}`, an existing folder or .gguf file, or a Hugging Face id such as Qwen/Qwen3-0.6B"
        yield FieldError(field, f"no model at {path}; {right}")


def _may_be_on_the_hub(path: str) -> bool:
    return bool(_HUB_ID.fullmatch(path)) and os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("1", "true", "yes", "on")


def _domain_problems(spec: RunSpec) -> Iterator[FieldError]:
    for name, source in spec.domains.items():
        if isinstance(source, Dataset) and not Path(source.path).exists():
            if Path(source.path).suffix in (".jsonl", ".parquet") or not _may_be_on_the_hub(source.path):
                yield FieldError(f"domains.{name}.path", f"nothing at {source.path}; give a file, a folder, or a Hugging Face id")
            continue
        try:
            build_domain(name, source)
        except ValueError as error:
            field, separator, message = str(error).partition(": ")
            yield FieldError(f"domains.{name}.{field}", message) if separator else FieldError(f"domains.{name}", str(error))
