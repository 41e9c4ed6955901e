"""What a person sees of a local run while it goes on."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from copd_engine.events import Log, Points, Value
from copd_engine.local import LocalRun
from copd_engine.spec import RunSpec
from copd_engine.store import Store
from copd_engine.terminal import Bars


@pytest.mark.parametrize(("equal", "says"), [(0.0, "reward 0.500 "), (0.75, "reward 0.500, 75% of groups equal")])
def test_groups_that_teach_nothing_are_counted_beside_the_reward(
    small: Callable[..., RunSpec], store: Store, equal: float, says: str
) -> None:
    screen = io.StringIO()
    with Bars(LocalRun(small(), store), Console(file=screen, width=140)) as bars:
        values = [Value(name="reward", value=0.5), Value(name="zero_advantage", value=equal)]
        values += [Value(name=name, value=0.1, domain="text") for name in ("reward", "zero_advantage")]  # one domain's share of a mixture
        bars.see(Points(policy="text", step=1, values=values))
    assert says in screen.getvalue()


def test_a_verifier_that_fails_is_told_as_it_stands(small: Callable[..., RunSpec], store: Store) -> None:
    screen = io.StringIO()
    message = "text step 1: 2 judgements failed and counted as 0; first: verifier plugin raised KeyError: [bold]"
    with Bars(LocalRun(small(), store), Console(file=screen, width=140)) as bars:
        bars.see(Log(level="warning", message=message))
    assert message in screen.getvalue()
