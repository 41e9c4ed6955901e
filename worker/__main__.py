"""`python -m worker`: one slot. Settings are environment variables; `--help` lists them."""

from __future__ import annotations

import argparse
import os
import socket
import sys

import structlog
from pydantic import ValidationError

from worker.exporter import ExportError
from worker.log import configure
from worker.settings import WorkerSettings
from worker.slot import Slot, SlotTakenError, take_first_free

DESCRIPTION = """\
One worker slot: carries out segments of runs, one at a time, on one GPU or one share of the CPU.
Start as many as the machine has room for; they find work through Redis and need no other address.

environment:
  COPD_REDIS_URL       required: redis://…, rediss://… or unix:///path
  COPD_STORE_URL       required: checkpoint store, file:///…, s3://… or gs://…, the same for all workers and the server
  COPD_WORKER_NAME     unique name (default: <host>-<first free number>)
  COPD_WORKER_THREADS  CPU threads of the segment process (default: 1)
  COPD_DEVICE          cpu, cuda or cuda:<index> (default: the first visible GPU, else the CPU)
  COPD_HOME            folder for a few small files (default: .copd)
  COPD_STALL_SECONDS   an attempt without progress for so long is given up (default: 120)
  COPD_STOP_SECONDS    how long a stop waits for the running step and its checkpoint (default: 15)
  COPD_MODEL_ROOTS     folders below which models may lie, with ':' between them (default: none, so only `tiny`)
  COPD_DATA_ROOTS      likewise for data sets and the files they name
  COPD_ALLOW_HUB       1: models and data may be fetched from the Hugging Face hub (default: 0)
  COPD_LOG_JSON        1: log lines as JSON (default: 0)
  COPD_METRICS_PORT    serve /metrics for Prometheus there (default: nowhere)
  COPD_METRICS_HOST    on this address (default: 127.0.0.1)

SIGTERM or Ctrl-C lets the attempt store its state at the next step, then ends the worker; the scheduler goes on from there.
"""


def main() -> int:
    parser = argparse.ArgumentParser("python -m worker", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    try:
        settings = WorkerSettings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
        slot, bell = _take_slot(settings)
        settings = settings.model_copy(update={"worker_name": slot.folder.name})
        os.environ.update(settings.for_child())
    except ValidationError as error:
        lines = [f"COPD_{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors()]
        parser.exit(2, "\n".join(lines) + "\nsee python -m worker --help\n")
    except (SlotTakenError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    configure(as_json=settings.log_json)
    structlog.contextvars.bind_contextvars(worker=settings.name)
    from worker.celery_worker import run_worker

    try:
        return run_worker(settings, slot, bell)
    except ExportError as error:
        parser.exit(2, f"{error}\n")


def _take_slot(settings: WorkerSettings) -> tuple[Slot, int]:
    if settings.worker_name is None:
        return take_first_free(settings.home, socket.gethostname().partition(".")[0])
    slot = Slot(settings.home, settings.worker_name)
    return slot, slot.take()


if __name__ == "__main__":
    sys.exit(main())
