"""Specs small enough to train while a test looks on. The shipped model, tiny batches, and as many rounds as there is something to press."""

from __future__ import annotations

TEMPLATE = """\
# Written by a browser test.
name: {name}
seed: 0
model: {{path: tiny}}
domains:
  text:
    source: reasoning_gym
    tasks: {{spell_backward: {{min_word_len: 3, max_word_len: 4}}}}
    max_new_tokens: 4
  image: {{source: digit_images, max_new_tokens: 4}}
  video: {{source: digit_videos, max_new_tokens: 4}}
experts:
  text: {{domain: text}}
  image: {{domain: image}}
  video: {{domain: video}}
rounds: {rounds}
rlvr: {{steps: {rlvr}, prompts: 2, group: 2}}
opd: {{steps: {opd}, sync_every: 3}}
evaluation: {{prompts: 8, samples: 1}}
agreement: {{prompts: 2}}
"""


def endless(name: str) -> str:
    """Trains until it is cancelled, and comes to an OPD phase soon."""
    return TEMPLATE.format(name=name, rounds=100, rlvr=20, opd=9)


def one_long_phase(name: str) -> str:
    """So long that one can look at it whatever the machine."""
    return TEMPLATE.format(name=name, rounds=1, rlvr=2000, opd=3)


def short(name: str) -> str:
    """One round: some hundred points, then the end."""
    return TEMPLATE.format(name=name, rounds=1, rlvr=20, opd=6)
