"""The segment task as Celery sees it. Both processes import this module; only the child ever calls what is in it."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_process_init

from worker.app import TASK
from worker.child import Child

_children: list[Child] = []
"""At most one: this process, once it is a pool child."""


@worker_process_init.connect
def start_child(**_: Any) -> None:
    child = Child()
    child.load()
    _children.append(child)


@shared_task(name=TASK, ignore_result=True)
def segment(job: dict[str, Any]) -> None:
    _children[0].run(job)
