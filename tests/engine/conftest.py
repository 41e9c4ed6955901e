"""A model of 0.15 M random parameters, a domain that pays such a model now and then, and specs that take a second."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from copd_engine import spec
from copd_engine.base.architecture import make_model
from copd_engine.cache import PolicyCache
from copd_engine.domains import Domain, Prompt, Reward, Split, build_domain
from copd_engine.policy import Policy
from copd_engine.spec import DigitImages, DigitVideos, ReasoningGym, RunSpec, parse_spec
from copd_engine.store import Store, open_store
from tests.s3 import s3_bucket

torch.set_num_threads(1)  # more threads than cores slow every process down several times

# No test judges by the clock: on a busy machine any example may take long.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class CoinDomain:
    """Pays a completion by a hash of its text: an untrained model gets rewards that differ within a group."""

    questions: int | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, split: Split) -> int | None:  # noqa: ARG002 – both splits are alike
        return self.questions

    def prompt(self, split: Split, index: int) -> Prompt:
        return Prompt(self.name, split, index, f"{self.name} {index % 97}", "heads")

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        heads = hashlib.sha256(f"{prompt.text}:{completion}".encode()).digest()[0] % 2
        return Reward(float(heads), "heads" if heads else "tails")


class CoinCache(PolicyCache):
    """Gives coins for every domain a spec names."""

    def domain(self, name: str, source: spec.Domain) -> Domain:  # noqa: ARG002 – a coin needs no source
        return CoinDomain(name)


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load("tiny")


@pytest.fixture(scope="session")
def prompts() -> list[Prompt]:
    """Four prompts of each kind, text, image and video in turn."""
    domains = (
        build_domain("text", ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {}})),
        build_domain("image", DigitImages(source="digit_images")),
        build_domain("video", DigitVideos(source="digit_videos")),
    )
    return [domain.prompt("heldout", index) for index, domain in itertools.product(range(4), domains)]


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="session")
def coins() -> CoinCache:
    """Shared by all tests, so that the base is loaded once. Runs have different stores, hence different checkpoints."""
    return CoinCache(capacity=8)


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    with s3_bucket() as url:
        yield url


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def small(mini: Path) -> Callable[..., RunSpec]:
    """A spec of three text experts, two rounds of two RLVR and two OPD steps; keyword arguments replace whole fields."""

    def build(**changes: Any) -> RunSpec:
        names = ("text", "image", "video")
        fields: dict[str, Any] = {
            "name": "small",
            "model": {"path": str(mini)},
            "domains": {n: {"source": "reasoning_gym", "tasks": {"gcd": {}}, "max_new_tokens": 3} for n in names},
            "experts": {n: {"domain": n} for n in names},
            "rounds": 2,
            "rlvr": {"steps": 2, "prompts": 2, "group": 4},
            "opd": {"steps": 2},
            "optimizer": {"lr": 1e-3},
            "evaluation": {"prompts": 8},
            "agreement": {"prompts": 2},
        }
        return parse_spec(fields | changes)

    return build


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the package datasets converts goes to the test's own folder."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
