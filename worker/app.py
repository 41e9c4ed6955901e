"""The Celery app: one task, one queue per worker, and the settings that keep Celery a mere messenger.

Messages are acknowledged early and never sent again by the broker; who may run what is decided by leases and by the database.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from celery import Celery
from kombu.entity import Queue

from copd_engine.job import SegmentJob
from worker import bus

TASK = "copd.segment"
START_SECONDS = 30.0
"""A message not started so long after it was sent is void: whoever sent it has given the attempt up."""
SOCKET_SECONDS = 5.0
"""How long one call to the broker may take."""
LOADING_SECONDS = 900.0
"""How long importing torch may take, on a cold network disk too."""


def celery_app(redis_url: str) -> Celery:
    """The app, for both ends. `redis_url`: redis://, rediss:// or unix:///path."""
    app = Celery("copd", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        include=["worker.task"],
        # what travels
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        # one message at a time, to one fresh interpreter
        worker_pool="prefork",
        worker_pool_start_method="spawn",
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_proc_alive_timeout=LOADING_SECONDS,
        worker_lost_wait=0.1,
        # a broker that comes and goes
        broker_connection_retry_on_startup=True,
        broker_connection_retry=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_transport_options={
            "global_keyprefix": bus.PREFIX,
            "ack_emulation": False,  # nothing is redelivered, and a worker whose acknowledgement timed out would read no more
            "socket_connect_timeout": 2.0,
            "socket_timeout": SOCKET_SECONDS,
            "socket_keepalive": True,
        },
        # logging is the worker's own business
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def queue(worker: str) -> Queue:
    """The queue that only this worker reads. Celery addresses it directly, so no binding that Redis could lose is needed."""
    return Queue(bus.queue_of(worker))


def send_segment(app: Celery, worker: str, job: SegmentJob) -> None:
    """Puts one attempt on an idle worker's queue. Raises kombu.exceptions.OperationalError when Redis cannot be reached."""
    app.send_task(
        TASK,
        args=[job.model_dump(mode="json")],
        task_id=f"{job.run}.{job.attempt}",
        queue=queue(worker),
        declare=[],  # a list in Redis needs no making
        argsrepr="",  # nobody reads them, and they take as long as the rest
        kwargsrepr="",
        expires=START_SECONDS,
        retry=True,
        retry_policy={"max_retries": 1, "interval_start": 0.0},  # once, for a connection that went stale
    )


def broker_url(redis_url: str) -> str:
    """The same server in kombu's spelling: unix:///path?db=1 is redis+socket:///path?virtual_host=1."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    database = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{login}{parts.path}?virtual_host={database}"
