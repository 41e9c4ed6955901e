"""The merge is the plain mean, and of identical experts exactly the expert."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from copd_engine.merge import MeanTensors, mean

floats = arrays("float32", (4,), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)).map(torch.from_numpy)


@given(floats, st.integers(1, 9), st.sampled_from([torch.float32, torch.bfloat16]))
def test_identical_experts_merge_to_themselves_bit_for_bit(tensor: Tensor, count: int, dtype: torch.dtype) -> None:
    tensor = tensor.to(dtype)
    merged = mean([tensor] * count)
    assert merged.dtype == dtype
    assert torch.equal(merged, tensor)
    assert merged is not tensor


def test_the_mean_is_taken_in_float64() -> None:
    tensors = [torch.tensor([2.0**24]), torch.tensor([1.0]), torch.tensor([1.0])]
    assert mean(tensors).item() == torch.tensor((2**24 + 2) / 3).item()


def test_models_that_differ_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="b is not in all of them"):
        MeanTensors([{"a": torch.zeros(1)}, {"a": torch.zeros(1), "b": torch.zeros(1)}])
    with pytest.raises(ValueError, match="shapes"):
        mean([torch.zeros(1), torch.zeros(2)])
