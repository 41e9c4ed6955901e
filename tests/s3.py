"""An S3 server on loopback: moto's, which speaks the real protocol to the real client."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator

import fsspec
from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def s3_bucket() -> Iterator[str]:
    """URL of an empty bucket that any process with this environment reaches."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        bucket = f"s3://copd-{uuid.uuid4().hex}"  # two servers of one process share what they hold
        fsspec.filesystem("s3").mkdir(bucket)
        yield bucket
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        server.stop()
