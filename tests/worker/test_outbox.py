"""The outbox keeps order, whatever fails, and drops only the oldest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.outbox import Outbox

ACTIONS = st.lists(st.sampled_from(["put", "put", "put", "sent", "failed"]), max_size=200)


@given(ACTIONS, st.integers(1, 20), st.integers(1, 7))
def test_order_is_kept_and_only_the_oldest_are_dropped(actions: list[str], capacity: int, batch: int) -> None:
    outbox = Outbox(capacity)
    number, delivered = 0, []
    for action in actions:
        if action == "put":
            outbox.put(b"%d" % number)
            number += 1
            continue
        taken = [int(item) for item in outbox.take(batch)]
        outbox.sent() if action == "sent" else outbox.failed()
        delivered += taken if action == "sent" else []
        assert len(outbox) <= capacity
    while taken := outbox.take(batch):
        outbox.sent()
        delivered += [int(item) for item in taken]
    assert delivered == sorted(set(delivered))
    assert delivered[-capacity:][-1:] == ([number - 1] if number else [])
    if number <= capacity:
        assert delivered == list(range(number))


def test_what_comes_while_a_full_batch_is_away_pushes_out_the_oldest_of_it() -> None:
    outbox = Outbox(3)
    for item in (b"1", b"2", b"3"):
        outbox.put(item)
    assert outbox.take(3) == [b"1", b"2", b"3"]
    outbox.put(b"4")
    outbox.failed()
    assert outbox.take(3) == [b"2", b"3", b"4"]
