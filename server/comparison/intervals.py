"""A mean with its 95 % interval: over seeds where there are several, else over the prompts of the one evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.96
T95 = (
    12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836, 2.446911851, 2.364624252, 2.306004135, 2.262157163,
    2.228138852, 2.200985160, 2.178812830, 2.160368656, 2.144786688, 2.131449546, 2.119905299, 2.109815578, 2.100922040,
    2.093024054, 2.085963447, 2.079613845, 2.073873068, 2.068657610, 2.063898562, 2.059538553, 2.055529439, 2.051830516,
    2.048407142, 2.045229642, 2.042272456, 2.039513446,
)  # fmt: skip
"""The 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `seeds` runs. low and high: its 95 % interval, within 0 to 1; None where nothing says how sure it is."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


def t_quantile(degrees: int) -> float:
    """97.5 % of Student's t lies below it. Raises ValueError without a degree of freedom."""
    if degrees < 1:
        raise ValueError("an interval needs two values at least")
    if degrees <= len(T95):
        return T95[degrees - 1]
    z = 1.959963984540054  # the same of the normal distribution, about which t is expanded: right to six digits from here on
    first, second = z**3 + z, 5 * z**5 + 16 * z**3 + 3 * z
    third = 3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z
    return z + first / (4 * degrees) + second / (96 * degrees**2) + third / (384 * degrees**3)


def estimate(values: Sequence[tuple[float, float | None]]) -> Estimate | None:
    """Of (accuracy, standard error over its prompts), one for each seed; None of none.

    The seeds' own spread holds all that varies, the prompts' chance included: beside it the standard errors are not added.
    """
    if not values:
        return None
    means = [value for value, _ in values]
    mean = math.fsum(means) / len(means)
    if len(means) == 1:
        error = values[0][1]
        half = None if error is None else Z95 * error
    else:
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in means) / (len(means) - 1))
        half = t_quantile(len(means) - 1) * spread / math.sqrt(len(means))
    if half is None:
        return Estimate(mean, None, None, 1)
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half), len(means))
