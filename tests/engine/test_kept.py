"""Files of kept rollouts, and the texts of tokens."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copd_engine import kept
from copd_engine.kept import Group, KeptCompletion, KeptToken, chosen, pack, told, unpack
from copd_engine.policy import Policy
from copd_engine.token_table import _Names, pieces


def group(**changes: object) -> Group:
    tokens = [KeptToken(text="4", name="4", log_prob=-0.5, entropy=1.0)]
    completions = [
        KeptCompletion(text=text, reward=reward, reason="why", finished=True, length=1, tokens=tokens)
        for text, reward in (("right", 1.0), ("wrong", 0.25), ("also", 0.5))
    ]
    fields = {
        "policy": "text", "step": 3, "part": "native", "domain": "sums", "index": 7, "prompt": "2+2", "answer": "4",
        "temperature": 1.0, "rewards": [1.0, 0.25, 0.5], "completions": completions,
    }  # fmt: skip
    return Group.model_validate({**fields, **changes})


def test_a_file_gives_back_what_was_put_in_and_equal_groups_equal_bytes() -> None:
    groups = [group(), group(index=8, media=["media/a.png"])]
    assert unpack(pack(groups)) == groups
    assert pack(groups) == pack([group(), group(index=8, media=["media/a.png"])])


def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack([group()])
    for wrong in (b"", b"no", data[:-9], data[:20] + b"xx" + data[22:], zlib.compress(b'{"groups": 3}')):
        with pytest.raises(ValueError, match=r"damaged|cut off|valid"):
            unpack(wrong)
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="larger than any"):
        unpack(data)


def test_what_is_told_leads_with_the_worst() -> None:
    event = told(group(prompt="x" * 1000), "attempts/1/rollouts/text@3.json.z", 2)
    assert (event.completion, event.reward_min, event.reward_mean, event.reward_max) == ("wrong", 0.25, pytest.approx(1.75 / 3), 1.0)
    assert (event.gap, event.size, event.tokens, event.place, len(event.prompt)) == (None, 3, 3, 2, kept.PREVIEW)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(2, 20))
def test_a_large_group_keeps_its_worst_and_its_best(rewards: list[float], most: int) -> None:
    found = chosen(rewards, most)
    assert found == sorted(set(found))
    assert len(found) == min(most, len(rewards))
    assert min(rewards) == min(rewards[i] for i in found)
    assert max(rewards) == max(rewards[i] for i in found)


@given(st.text(max_size=20), st.integers(0, 20))
def test_the_texts_of_tokens_are_the_text(policy: Policy, text: str, cut: int) -> None:
    tokens = policy.tokenizer.encode(text, add_special_tokens=False)
    [whole] = policy.decode([tokens])
    assert "".join(pieces(policy.decode, tokens, whole, whole=True)) == whole
    if tokens:  # a stop string cut it
        assert "".join(pieces(policy.decode, tokens, whole[:cut], whole=True)) == whole[:cut]
    some = pieces(policy.decode, tokens[:3], whole, whole=False)
    assert len(some) == len(tokens[:3])
    assert whole.startswith("".join(some))


def test_a_character_of_several_tokens_belongs_to_the_last(policy: Policy) -> None:
    tokens = policy.tokenizer.encode("a\N{ROCKET}b", add_special_tokens=False)
    assert pieces(policy.decode, tokens, "a\N{ROCKET}b", whole=True) == ["a", *[""] * (len(tokens) - 3), "\N{ROCKET}", "b"]


@given(st.lists(st.integers(0, 639), max_size=12))
def test_any_tokens_at_all_have_texts(policy: Policy, tokens: list[int]) -> None:
    """A model may say what no encoder would."""
    [text] = policy.decode([tokens])
    found = pieces(policy.decode, tokens, text, whole=True)
    assert len(found) == len(tokens)
    assert "".join(found) == (text if tokens else "")


def test_a_part_of_a_character_is_named_by_its_bytes(policy: Policy) -> None:
    name = _Names(policy)
    tokens = policy.tokenizer.encode("\N{ROCKET}", add_special_tokens=False)
    assert "".join(name(token) for token in tokens).replace("><", " ") == "<0xF0 0x9F 0x9A 0x80>"
    assert [name(token) for token in policy.tokenizer.encode("7", add_special_tokens=False)] == ["7"]
    assert name(policy.eos_ids[0]) == policy.tokenizer.convert_ids_to_tokens(policy.eos_ids[0])
