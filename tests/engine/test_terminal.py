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

REWARD, LR = Value(name="reward", value=0.5), Value(name="lr", value=1e-3)
GAPS = [Value(name="gap", value=value, peer=peer) for peer, value in (("image", -0.1), ("video", -0.3), ("none", None))]
OF_ONE_DOMAIN = [Value(name=name, value=0.1, domain="text") for name in ("reward", "zero_advantage")]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([REWARD, Value(name="zero_advantage", value=0.0), *OF_ONE_DOMAIN, *GAPS], "3/8 reward 0.500 0:"),
        ([REWARD, Value(name="zero_advantage", value=0.75), *OF_ONE_DOMAIN], "3/8 reward 0.500, 75% of groups equal 0:"),
        (GAPS, "3/8 gap -0.200 nats 0:"),  # a step of distillation alone
    ],
)
def test_a_bar_says_what_a_step_learned_from(small: Callable[..., RunSpec], store: Store, values: list[Value], says: str) -> None:
    screen = io.StringIO()
    with Bars(LocalRun(small(), store), Console(file=screen, width=140)) as bars:
        bars.see(Points(policy="text", step=3, values=[*values, LR]))
        bars.see(Points(policy="text", step=3, values=[Value(name="overlap", value=0.9, peer="image")]))  # a look, not a step
    assert says in " ".join(screen.getvalue().split())


def test_a_verifier_that_fails_is_told_as_it_stands(small: Callable[..., RunSpec], store: Store) -> None:
    screen = io.StringIO()
    message = "text step 1: 2 judgements failed and counted as 0; first: verifier plugin raised KeyError: [bold]"
    with Bars(LocalRun(small(), store), Console(file=screen, width=140)) as bars:
        bars.see(Log(level="warning", message=message))
    assert message in screen.getvalue()
