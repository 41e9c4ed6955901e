"""A prompt's pictures and clips as files a browser shows, enlarged so that a person sees the pixels."""

from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from copd_engine.domains.base import Pixels, Prompt

_TARGET_SIDE: Final = 192  # pixels along the longer side; smaller pictures grow by a whole factor
_FRAME_MS: Final = 250


def media(prompt: Prompt) -> list[tuple[str, bytes]]:
    """(MIME type, file) of every image as PNG, then of the video as an endless animated PNG."""
    files = [("image/png", _png(image)) for image in prompt.images]
    if prompt.video is not None:
        files.append(("image/apng", _apng(prompt.video)))
    return files


def _enlarged(pixels: Pixels) -> Image.Image:
    """RGB [H, W, 3] grown by the largest whole factor within the target side: nearest neighbour, so no new colours."""
    factor = max(1, _TARGET_SIDE // max(pixels.shape[:2]))
    return Image.fromarray(np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1))


def _png(pixels: Pixels) -> bytes:
    buffer = BytesIO()
    _enlarged(pixels).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _apng(frames: Pixels) -> bytes:
    first, *rest = (_enlarged(frame) for frame in frames)
    buffer = BytesIO()
    first.save(buffer, format="PNG", save_all=True, append_images=rest, duration=_FRAME_MS, loop=0)
    return buffer.getvalue()
