"""Checkpoints come back bit for bit, and a damaged one is refused by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from copd_engine.checkpoint import OPTIMIZER, WEIGHTS, CheckpointError, opened, publish, write_tensors
from copd_engine.policy import digest
from copd_engine.store import Store


def tensors(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "b": torch.randn(3, 5, generator=generator),
        "a": torch.randn(7, generator=generator),
        "half": torch.randn(4, generator=generator).bfloat16(),
        "scalar": torch.tensor(3.0),
        "turned": torch.randn(4, 3, generator=generator).T,
        "empty": torch.zeros(0, 2),
    }


def test_a_streamed_file_is_a_safetensors_file(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", tensors())
    loaded = load_file(tmp_path / "x.safetensors")
    assert digest(loaded) == digest(tensors())


def test_weights_and_optimizer_come_back(store: Store) -> None:
    record = publish(store, "text@4", "text", 4, tensors(0), tensors(1))
    assert (record.policy, record.step, record.has_state, record.digest) == ("text", 4, True, digest(tensors(0)))
    assert record.bytes == store.size(f"text@4/{WEIGHTS}") + store.size(f"text@4/{OPTIMIZER}")
    with opened(store, "text@4") as checkpoint:
        assert checkpoint.manifest.digest == record.digest == digest(checkpoint.weights)
        assert digest(checkpoint.optimizer) == digest(tensors(1))


def test_a_snapshot_cannot_be_trained_on(store: Store) -> None:
    assert not publish(store, "text@4", "text", 4, tensors()).has_state
    with opened(store, "text@4") as checkpoint, pytest.raises(CheckpointError, match="text@4 holds no optimizer state"):
        _ = checkpoint.optimizer


def refuse(store: Store, says: str) -> None:
    with pytest.raises(CheckpointError, match=f"text@4 .*{says}"), opened(store, "text@4"):
        pass


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER])
def test_damage_is_found_and_named(store: Store, name: str) -> None:
    publish(store, "text@4", "text", 4, tensors(0), tensors(1))
    whole = store.read(f"text@4/{name}")
    store.write(f"text@4/{name}", whole[:-1])
    refuse(store, f"truncated: {name}")
    store.write(f"text@4/{name}", whole[:-1] + bytes([whole[-1] ^ 1]))
    refuse(store, f"altered: the SHA-256 of {name}")
    store.delete(f"text@4/{name}")
    refuse(store, f"lacks its file {name}")


def test_a_missing_checkpoint_and_a_missing_or_wrong_manifest(store: Store) -> None:
    refuse(store, "is not in the store")
    publish(store, "text@4", "text", 4, tensors())
    store.write("text@4/manifest.json", b"{}")
    refuse(store, "unreadable manifest")
    store.delete("text@4/manifest.json")
    refuse(store, "never published whole")


def test_the_digest_is_of_tensors_not_of_files() -> None:
    one = tensors()
    assert digest(one) == digest(dict(reversed(one.items())))
    assert digest(one) == digest({name: tensor.clone() for name, tensor in one.items()})
    for change in ({"a": one["a"] + 1}, {"c": one["a"]}, {"a": one["a"].double()}, {"a": one["a"].view(7, 1)}):
        assert digest(one | change) != digest(one)
