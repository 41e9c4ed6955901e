"""Pictures of states that only a test can bring about: kept where COPD_PICTURES names a folder, and nowhere without it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from scripts.screenshots import save
from tests.browser.watching import DESKTOP, PHONE

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"wide": DESKTOP, "narrow": PHONE}


def keep_picture(page: Page, name: str) -> None:
    """The page as it stands, in both themes and sizes."""
    folder = os.environ.get("COPD_PICTURES")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.evaluate("scrollTo(0, 0)")
            save(page.screenshot(), Path(folder) / f"{name}-{size}-{scheme}.png")
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
