"""The Celery worker of one slot: Celery's own, but patient with the broker, and it stops when the monitor says so."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from typing import Any

from celery.apps.worker import Worker
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.connection import Connection

from worker.app import celery_app, queue
from worker.connection import connect
from worker.exporter import export
from worker.metrics import WorkerCollector, registry_of
from worker.monitor import Monitor
from worker.settings import WorkerSettings
from worker.slot import Slot

EXIT_SECONDS = 2.0
"""How long Celery may take to put itself away; nothing depends on it."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class PatientConsumer(Consumer):
    """Knocks at the broker's door every second for as long as it takes; Celery's own pauses grow to half a minute."""

    def ensure_connected(self, conn: Connection) -> Connection:
        return conn.ensure_connection(interval_start=0.1, interval_step=0.3, interval_max=1, callback=state.maybe_shutdown)


class SlotWorker(Worker):
    """A Celery worker that lets others handle its signals."""

    def install_platform_tweaks(self, worker: Any) -> None:
        """Celery would install its own signal handlers here."""


def run_worker(settings: WorkerSettings, slot: Slot, bell: int) -> int:
    """Serves the slot's queue until a signal ends it. Returns the exit status. Raises ExportError."""
    setup_logging.connect(_logging_is_set_up, weak=False)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # about root and pickle; nothing but JSON is accepted here
    app = celery_app(settings.redis_url)
    app.conf.update(task_queues=[queue(settings.name)], worker_consumer="worker.celery_worker:PatientConsumer")
    worker = SlotWorker(app=app, hostname=settings.name, quiet=True, without_mingle=True, without_gossip=True, without_heartbeat=True)
    monitor = Monitor(settings, slot, bell, connect(settings.redis_url), leave=_leave)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: monitor.stop())
    if settings.metrics_port is not None:
        collector = WorkerCollector(monitor.report, lambda: monitor.ended, lambda: monitor.loads)
        export(registry_of(collector), settings.metrics_host, settings.metrics_port)
    monitor.start()
    worker.start()
    return 1 if state.should_terminate is None else state.should_terminate  # None: Celery gave up by itself


def _leave(code: int) -> None:
    """Asks Celery's loop in the main thread to end, and ends the process if it does not."""
    state.should_terminate = code  # cold: the child, idle, is dead already, and a warm shutdown takes seconds
    signal.pthread_kill(threading.main_thread().ident or 0, STOP_SIGNALS[0])  # wakes the loop from its sleep
    threading.Event().wait(EXIT_SECONDS)
    os._exit(code)


def _logging_is_set_up(**_: Any) -> None:
    """Celery configures no logging where somebody listens to its signal."""
