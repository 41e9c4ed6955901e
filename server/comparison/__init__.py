"""Runs side by side: which are the same but for the seed, what they reached, and where their specs differ. Pure: no database, no clock."""

from server.comparison.diff import Difference, differences
from server.comparison.groups import Entry, Group, groups
from server.comparison.intervals import Estimate, estimate, t_quantile
from server.comparison.table import Line, Table, table

__all__ = ["Difference", "Entry", "Estimate", "Group", "Line", "Table", "differences", "estimate", "groups", "t_quantile", "table"]
