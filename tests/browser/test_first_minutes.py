"""The moments a new user waits for: each comes, in its order, and the log says when. `benchmarks/first_minutes.py` takes the demo's."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import Page

from benchmarks.first_minutes import MOMENTS, moments
from tests.browser.specs import TEMPLATE
from tests.embedded import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_every_moment_of_the_first_minutes_comes(page: Page, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    run = stack.client.create_run(TEMPLATE.format(name="First minutes", rounds=1, rlvr=6, opd=12))
    seen = list(moments(page, f"{stack.url}/runs/{run.id}"))
    with capsys.disabled():
        sys.stdout.writelines(f"\n  {name}: {seconds:.1f} s" for name, _, seconds in seen)
    assert [name for name, _, _ in seen] == [moment[0] for moment in MOMENTS]
    assert stack.client.run(run.id).state == "completed"
