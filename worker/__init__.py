"""Workers: one Celery worker per device, the segment task, leases, and the Redis bus. They know Redis and the checkpoint store only."""
