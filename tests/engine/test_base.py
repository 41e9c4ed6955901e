import pytest
from transformers import AutoTokenizer

from copd_engine.base import make
from copd_engine.base.architecture import untrained
from copd_engine.base.processor import build_processor, train_tokenizer
from copd_engine.loading import TINY_FOLDER
from copd_engine.policy import Policy


def test_the_shipped_folder_is_small_and_plain() -> None:
    files = list(TINY_FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) <= 8_000_000
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".jinja", ".md"}


def test_the_shipped_tokenizer_is_the_one_its_script_trains() -> None:
    trained = build_processor(train_tokenizer(make.wording(make.build_domains()))).tokenizer
    assert trained.get_vocab() == AutoTokenizer.from_pretrained(TINY_FOLDER).get_vocab()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Spell this word backward (example: sun -> nus): model", 1 + 5),
        ("ledom", 5),
        ("7+5=12", 6),
        ("<0.2 seconds>", 1),
        ("No domain ever said ümlaut!", 27 + 1),
    ],
)
def test_wording_is_short_and_what_is_asked_about_is_spelled_out(text: str, count: int) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY_FOLDER)
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    assert len(ids) <= count


def test_a_batch_goes_to_the_domains_that_lack_most() -> None:
    reached = dict(make.TARGETS)
    shares = make.shares(reached | {"text": 0.0, "image": make.TARGETS["image"] / 2})
    assert shares["video"] == 0
    assert shares["text"] > shares["image"] > 0


def test_the_cold_start_learns_and_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "MAX_STEPS", 4)
    monkeypatch.setattr(make, "BATCH", 12)
    monkeypatch.setattr(make, "AVERAGE", 0.0)
    processor = Policy.load("tiny").processor
    domains = make.build_domains()
    prompts = [domain.prompt("train", index) for domain in domains.values() for index in range(4)]
    policies = [Policy(untrained("mini", processor.tokenizer, seed=0), processor) for _ in range(2)]
    before = make.answer_log_probs(policies[0], prompts)[0].sum()
    assert [make.cold_start(policy, domains) for policy in policies] == [4, 4]
    assert make.answer_log_probs(policies[0], prompts)[0].sum() > before
    assert policies[0].digest() == policies[1].digest()
