"""Pictures and clips made of real scans of handwritten digits (UCI, 8 x 8 pixels, as shipped with scikit-learn)."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from copd_engine.domains.base import Pixels, Prompt, Reward, Split, check_index, exact_match
from copd_engine.noise import integers

SCAN: Final = 8  # pixels along a scan's side
CANVAS: Final = 16  # pixels along a frame's side
FRAMES: Final = 8
LANES: Final = 3  # parallel tracks, four pixels apart
_LANE: Final = (CANVAS - SCAN) // (LANES - 1)
_HELDOUT_SHARE: Final = 5  # every fifth scan is held out
_INK_LEVELS: Final = 16

DIRECTIONS: Final = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}  # name -> (rows, columns) per frame


@cache
def scans(split: Split) -> tuple[Pixels, NDArray[np.int64]]:
    """The scans [n, 8, 8] of a split, 0 paper to 255 ink, and their digits [n]. A scan is in one split only, by its number."""
    from sklearn.datasets import load_digits  # most of a second to import: not before a digit is wanted

    pixels, digits = load_digits(return_X_y=True)
    heldout = np.arange(len(digits)) % _HELDOUT_SHARE == 0
    chosen = heldout if split == "heldout" else ~heldout
    ink = np.rint(pixels[chosen] * (255 / _INK_LEVELS)).astype(np.uint8)
    return ink.reshape(-1, SCAN, SCAN), np.asarray(digits)[chosen].astype(np.int64)


class ImageDomain:
    """Two scans side by side: read both and add them, as "7+5=12"."""

    question: Final = "Add the two digits."

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, split: Split) -> None:
        """Prompts are drawn, some perhaps twice; there is no end of them."""

    def prompt(self, split: Split, index: int) -> Prompt:
        check_index(split, index)
        ink, digits = scans(split)
        left, right = integers(("digit_images", split), len(digits), index, np.arange(2)).tolist()
        picture = _rgb(np.concatenate((ink[left], ink[right]), axis=1))
        a, b = int(digits[left]), int(digits[right])
        return Prompt(self.name, split, index, self.question, f"{a}+{b}={a + b}", images=(picture,))

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        return exact_match(prompt, completion)


class VideoDomain:
    """One scan crossing a dark square, a pixel per frame: say where it goes and which digit it is, as "left 7"."""

    question: Final = "Which way does which digit move?"

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, split: Split) -> None:
        """Prompts are drawn, some perhaps twice; there is no end of them."""

    def prompt(self, split: Split, index: int) -> Prompt:
        check_index(split, index)
        ink, digits = scans(split)
        key = ("digit_videos", split)
        scan = int(integers(key, len(digits), index, 0))
        direction = list(DIRECTIONS)[int(integers(key, len(DIRECTIONS), index, 1))]
        lane, start = _LANE * int(integers(key, LANES, index, 2)), int(integers(key, CANVAS - SCAN - FRAMES + 2, index, 3))
        frames = _moving(ink[scan], DIRECTIONS[direction], lane, start)
        return Prompt(self.name, split, index, self.question, f"{direction} {int(digits[scan])}", video=_rgb(frames))

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        return exact_match(prompt, completion)


def _moving(scan: Pixels, velocity: tuple[int, int], lane: int, start: int) -> Pixels:
    """Frames [FRAMES, CANVAS, CANVAS] of a scan going one pixel per frame; `lane` is its offset across the motion."""
    frames = np.zeros((FRAMES, CANVAS, CANVAS), dtype=np.uint8)
    for frame in range(FRAMES):
        along = start + frame if sum(velocity) > 0 else start + FRAMES - 1 - frame
        row, column = (along, lane) if velocity[0] else (lane, along)
        frames[frame, row : row + SCAN, column : column + SCAN] = scan
    return frames


def _rgb(grey: Pixels) -> Pixels:
    """Grey [..., H, W] to RGB [..., H, W, 3]."""
    return np.repeat(grey[..., None], 3, axis=-1)
