"""What the API reads from PostgreSQL and Redis: a fixed number of statements per answer, whatever the number of rows."""

from server.queries.artifacts import LogFilter, checkpoint, export, export_name, export_view, exports, log, probes, result, swept
from server.queries.checkpoints import checkpoint_list
from server.queries.compare import Chosen, chosen_runs, compared_agreement, compared_figure, comparison_of, figure_kinds
from server.queries.estimates import estimate
from server.queries.preview import control_preview, deletion_preview
from server.queries.recipe import recipe
from server.queries.rollouts import RolloutFilter, probe_history, rollout, rollouts
from server.queries.run_list import RunSort, Wanted, run_list, tag_counts
from server.queries.runs import attempts, policies, run_view, segments
from server.queries.series import Window, absorbed, agreement, cast_of, curves, figure_data, series, snapshot
from server.queries.system import readiness, reports_if_reachable, worker_list

__all__ = [
    "Chosen",
    "LogFilter",
    "RolloutFilter",
    "RunSort",
    "Wanted",
    "Window",
    "absorbed",
    "agreement",
    "attempts",
    "cast_of",
    "checkpoint",
    "checkpoint_list",
    "chosen_runs",
    "compared_agreement",
    "compared_figure",
    "comparison_of",
    "control_preview",
    "curves",
    "deletion_preview",
    "estimate",
    "export",
    "export_name",
    "export_view",
    "exports",
    "figure_data",
    "figure_kinds",
    "log",
    "policies",
    "probe_history",
    "probes",
    "readiness",
    "recipe",
    "reports_if_reachable",
    "result",
    "rollout",
    "rollouts",
    "run_list",
    "run_view",
    "segments",
    "series",
    "snapshot",
    "swept",
    "tag_counts",
    "worker_list",
]
