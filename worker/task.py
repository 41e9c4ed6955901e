"""The segment task as Celery sees it, and the first moments of a pool child. The parent imports this too, hence no torch up here."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING, Any, Final

import structlog
from celery import shared_task
from celery.signals import worker_process_init

from worker.app import TASK
from worker.log import configure
from worker.selfreport import SelfReport
from worker.settings import WorkerSettings
from worker.slot import Slot

if TYPE_CHECKING:
    from worker.child import Child

PR_SET_PDEATHSIG: Final = 1

log = structlog.get_logger(__name__)
_children: list[Child] = []
"""At most one: this process, once it is a pool child that has loaded."""


@worker_process_init.connect
def start_child(**_: Any) -> None:
    """Runs in each new pool child before its first task."""
    lead_own_group(parent=int(os.environ["COPD_WORKER_PARENT"]))
    settings = WorkerSettings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
    configure(as_json=settings.log_json)
    slot = Slot(settings.home, settings.name)
    report = SelfReport(slot)
    try:
        from worker.child import Child  # imports torch, which takes seconds

        _children.append(Child(settings, slot, report))
    except Exception:
        log.exception("the child cannot start")
        os._exit(1)  # billiard would leave this process hanging between life and death


@shared_task(name=TASK, ignore_result=True)
def segment(job: dict[str, Any]) -> None:
    # billiard would turn SIGTERM into an exception inside the segment; an attempt that is ordered to end simply dies.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _children[0].run(job)


def lead_own_group(parent: int) -> None:
    """Makes this process the head of its own group, so that it can be ended with all it starts, and lets it die with its parent."""
    os.setpgid(0, 0)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)
