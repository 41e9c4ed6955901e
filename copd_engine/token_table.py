"""What a student and its teachers thought of each token of a completion, for people to read. Draws nothing, changes nothing.

Letters: S states (a prompt with the completion so far), H hidden, V vocabulary, K alternatives, n completions, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

import torch
from torch import Tensor

from copd_engine.kept import MOST_TOKENS, Alternative, KeptToken, TeacherToken
from copd_engine.policy import Policy
from copd_engine.scoring import state_chunks

DIGITS = 5
"""Decimals of a log-prob that are kept."""
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(0x100) if byte not in _VISIBLE]
BYTES = {chr(byte): byte for byte in _VISIBLE} | {chr(0x100 + i): byte for i, byte in enumerate(_HIDDEN)}
"""How byte-level BPE writes bytes in its vocabulary: visible ones as they are, the others from U+0100 on (GPT-2's alphabet)."""
_HALF_A_CHARACTER = "\ufffd"


class Looked(NamedTuple):
    """A policy at S states: log-probs of the tokens said and entropies [S], its K likeliest tokens and theirs [S, K]; on the CPU."""

    log_probs: Tensor
    entropies: Tensor
    top_ids: Tensor
    top_log_probs: Tensor


@torch.no_grad()
def look(policy: Policy, states: Tensor, tokens: Tensor, alternatives: int, temperature: float) -> Looked:
    """How a policy sees `tokens` [S] at hidden states [S, H], in chunks. Of equally likely alternatives any may be among the K."""
    parts: list[tuple[Tensor, ...]] = []
    for chunk in state_chunks(policy, len(states)):
        log_probs = policy.logits(states[chunk], temperature).log_softmax(dim=-1)
        said = log_probs.gather(1, tokens[chunk].unsqueeze(1)).squeeze(1)
        entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
        top = log_probs.topk(min(alternatives, log_probs.shape[-1]), dim=-1)
        parts.append((said, entropy, top.indices, top.values))
    return Looked(*(torch.cat(part).cpu() for part in zip(*parts, strict=True)))


def token_table(
    policy: Policy, tokens: Sequence[int], student: Looked, teachers: Mapping[str, Looked], start: int, text: str
) -> list[KeptToken]:
    """The first tokens of a completion, which stand at the states `start`, `start` + 1, … of what was looked at.

    text: the completion as it was judged.
    """
    name = _Names(policy)
    some = tokens[:MOST_TOKENS]
    texts = pieces(policy.decode, some, text, whole=len(some) == len(tokens))
    return [
        KeptToken(
            text=piece,
            name=piece or name(token),
            log_prob=_rounded(student.log_probs[at]),
            entropy=_rounded(student.entropies[at]),
            top=name.top(student, at),
            teachers={
                teacher: TeacherToken(
                    log_prob=_rounded(looked.log_probs[at]),
                    gap=_rounded(looked.log_probs[at] - student.log_probs[at]),
                    top=name.top(looked, at),
                )
                for teacher, looked in teachers.items()
            },
        )
        for at, (token, piece) in enumerate(zip(some, texts, strict=True), start)
    ]


def pieces(decode: Callable[[Sequence[Sequence[int]]], list[str]], tokens: Sequence[int], text: str, *, whole: bool) -> list[str]:
    """What each token adds to `text`, which is what a completion decodes to, or the part of it before a stop string. Joined, they are the
    text, or its beginning where `tokens` is not the `whole` completion.

    A byte-level token may end inside a character: it adds nothing, and the one that completes the character adds all of it. Decoders may
    trim the beginning, so a piece is the difference between two decodings of the few tokens before it.
    """
    found, done, start, read = list[str](), 0, 0, 0
    for end in range(1, len(tokens) + 1):
        before, now = decode([tokens[start:read], tokens[start:end]])
        piece = now[len(before) :]
        if piece.endswith(_HALF_A_CHARACTER) and not text.startswith(piece, done):
            found.append("")
            continue
        start, read = read, end
        found.append(_shared(piece, text[done:]))
        done += len(found[-1])
    if whole and found:
        found[-1] += text[done:]
    return found


def _shared(piece: str, rest: str) -> str:
    """The beginning that both have."""
    same = (a == b for a, b in zip(piece, rest, strict=False))
    return piece[: sum(takewhile(bool, same))]


def _rounded(value: Tensor) -> float:
    return round(value.item(), DIGITS)


def _bytes_named(raw: str) -> str:
    """A vocabulary's way to write a part of a character, as bytes where it is byte-level BPE's: "âĢ" is <0xE2 0x80>."""
    if all(char in BYTES for char in raw):
        return f"<{' '.join(f'0x{BYTES[char]:02X}' for char in raw)}>"
    return raw


class _Names:
    """What tokens are called, each looked up once."""

    def __init__(self, policy: Policy) -> None:
        self._tokenizer, self._known = policy.tokenizer, dict[int, str]()

    def __call__(self, token: int) -> str:
        if token not in self._known:
            text = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
            raw = str(self._tokenizer.convert_ids_to_tokens(token) or token)
            self._known[token] = text if text and _HALF_A_CHARACTER not in text else _bytes_named(raw)
        return self._known[token]

    def top(self, looked: Looked, at: int) -> list[Alternative]:
        pairs = zip(looked.top_ids[at].tolist(), looked.top_log_probs[at].tolist(), strict=True)
        return [Alternative(text=self(token), log_prob=round(log_prob, DIGITS)) for token, log_prob in pairs]
