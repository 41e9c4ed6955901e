"""What of a spec can be checked before anything runs, beyond its fields: that its tasks exist and its model is there. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from copd_engine.domains import build_domain
from copd_engine.reach import HUB_ID, Reach
from copd_engine.spec import Dataset, FieldError, RunSpec, SpecError
from copd_engine.spec.sampling import SamplingEngine

SHIPPED = "tiny"


def check_available(spec: RunSpec, reach: Reach) -> None:
    """Raises SpecError naming every domain that cannot be built and every model that is not there or out of reach.

    Reads local data once, row by row.
    A hub id is taken on trust unless the hub is switched off (HF_HUB_OFFLINE): only a worker may reach it.
    """
    models = {"model.path": spec.model.path} | {f"teachers.{name}.path": teacher.path for name, teacher in spec.teachers.items()}
    wrong_models = (problem for field, path in models.items() for problem in _model_problems(field, path, reach))
    problems = [*wrong_models, *_domain_problems(spec, reach)]
    if problems:
        raise SpecError(problems)


def check_engine(engine: SamplingEngine) -> None:
    """Raises SpecError when this machine lacks the package that `sampling.engine` names. A server need not have it: workers sample."""
    if engine == "vllm" and find_spec("vllm") is None:
        right = "run pip install 'copd[vllm]' on every machine with workers, or use local"
        raise SpecError([FieldError("sampling.engine", f"vllm is not installed here; {right}")])


def _model_problems(field: str, path: str, reach: Reach) -> Iterator[FieldError]:
    if path == SHIPPED:
        return
    if refused := reach.problem("model", path):
        yield FieldError(field, refused)
    elif (Path(path) / "config.json").is_file() or (path.endswith(".gguf") and Path(path).is_file()):
        return
    elif Path(path).is_dir():
        yield FieldError(field, f"the folder {path} holds no config.json; give a folder saved by save_pretrained")
    elif not _may_be_on_the_hub(path):
        right = f"give `{SHIPPED}`, an existing folder or .gguf file, or a Hugging Face id such as Qwen/Qwen3-0.6B"
        yield FieldError(field, f"no model at {path}; {right}")


def _may_be_on_the_hub(path: str) -> bool:
    return bool(HUB_ID.fullmatch(path)) and os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("1", "true", "yes", "on")


def _domain_problems(spec: RunSpec, reach: Reach) -> Iterator[FieldError]:
    for name, source in spec.domains.items():
        if isinstance(source, Dataset) and (refused := reach.problem("data", source.path)):
            yield FieldError(f"domains.{name}.path", refused)
            continue
        if isinstance(source, Dataset) and not Path(source.path).exists():
            if Path(source.path).suffix in (".jsonl", ".parquet") or not _may_be_on_the_hub(source.path):
                yield FieldError(f"domains.{name}.path", f"nothing at {source.path}; give a file, a folder, or a Hugging Face id")
            continue
        try:
            build_domain(name, source, reach)
        except ValueError as error:
            field, separator, message = str(error).partition(": ")
            yield FieldError(f"domains.{name}.{field}", message) if separator else FieldError(f"domains.{name}", str(error))
