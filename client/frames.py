"""Series as a pandas frame. pandas is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.models import Series

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("name", "policy", "peer", "domain", "step", "value", "se", "time")


class MissingExtraError(ImportError):
    """A package that is an extra is not installed; the message says how to install it."""


def frame(series: list[Series]) -> pd.DataFrame:
    """One row per point, in the order of the series and their steps. Raises MissingExtraError without pandas."""
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtraError("to_pandas() needs pandas: pip install 'copd[notebook]'") from None
    rows = [
        (each.name, each.policy, each.peer, each.domain, *point)
        for each in series
        for point in zip(each.step, each.value, each.se or [None] * len(each.step), each.time, strict=True)
    ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS)).astype({"step": "int64", "value": "float64", "se": "float64"})
