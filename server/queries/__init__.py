"""What the API reads from PostgreSQL and Redis: a fixed number of statements per answer, whatever the number of rows."""

from server.queries.artifacts import LogFilter, checkpoint, checkpoints, export, export_view, exports, log, probes, result, swept
from server.queries.preview import control_preview, deletion_preview
from server.queries.recipe import recipe
from server.queries.runs import attempts, run_list, run_view, segments
from server.queries.series import Window, agreement, cast_of, curves, figure_data, series, snapshot
from server.queries.system import readiness, worker_list

__all__ = [
    "LogFilter",
    "Window",
    "agreement",
    "attempts",
    "cast_of",
    "checkpoint",
    "checkpoints",
    "control_preview",
    "curves",
    "deletion_preview",
    "export",
    "export_view",
    "exports",
    "figure_data",
    "log",
    "probes",
    "readiness",
    "recipe",
    "result",
    "run_list",
    "run_view",
    "segments",
    "series",
    "snapshot",
    "swept",
    "worker_list",
]
