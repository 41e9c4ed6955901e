import io
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from copd_engine import spec
from copd_engine.domains import Domain, Split, build_domain, media
from copd_engine.domains.base import SPLITS
from copd_engine.domains.digits import CANVAS, DIRECTIONS, FRAMES, scans
from copd_engine.domains.text import split_of

SOURCES: dict[str, spec.Domain] = {
    "text": spec.ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {"max_word_len": 5}, "gcd": {}}),
    "image": spec.DigitImages(source="digit_images"),
    "video": spec.DigitVideos(source="digit_videos"),
}


@cache
def domain(name: str) -> Domain:
    return build_domain(name, SOURCES[name])


@pytest.mark.parametrize("name", SOURCES)
def test_a_prompt_is_a_function_of_split_and_index(name: str) -> None:
    once, again = (build_domain(name, SOURCES[name]).prompt("train", 41) for _ in range(2))
    assert (once.domain, once.split, once.index) == (name, "train", 41)
    assert (once.text, once.answer) == (again.text, again.answer)
    assert all(np.array_equal(a, b) for a, b in zip(once.images, again.images, strict=True))
    assert once.video is None or np.array_equal(once.video, np.asarray(again.video))


@pytest.mark.parametrize("name", SOURCES)
def test_prompts_of_a_split_vary(name: str) -> None:
    answers = {domain(name).prompt("heldout", index).answer for index in range(100)}
    assert len(answers) > 10


@pytest.mark.parametrize("split", SPLITS)
def test_text_questions_belong_to_their_split(split: Split) -> None:
    for index in range(200):
        assert split_of(domain("text").prompt(split, index).text) == split


def test_a_task_with_a_finite_list_gives_prompts_without_end() -> None:
    finite = build_domain("text", spec.ReasoningGym(source="reasoning_gym", tasks={"gsm_symbolic": {}}))
    for split in SPLITS:
        prompt = finite.prompt(split, 2**31)
        assert split_of(prompt.text) == split
        assert finite.reward(prompt, prompt.answer).value == 1.0


def test_a_task_takes_its_share_of_every_turn() -> None:
    shared = build_domain("text", spec.ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {"share": 3}, "gcd": {}}))
    alone = build_domain("text", spec.ReasoningGym(source="reasoning_gym", tasks={"spell_backward": {}}))
    texts = [shared.prompt("train", index).text for index in range(40)]
    assert ["Spell" in text for text in texts] == [index % 4 < 3 for index in range(40)]
    assert [text for text in texts if "Spell" in text] == [alone.prompt("train", index).text for index in range(30)]


def test_scans_are_parted_by_number_and_none_is_lost() -> None:
    train, heldout = scans("train"), scans("heldout")
    assert len(train[0]) + len(heldout[0]) == 1_797
    shared = {scan.tobytes() for scan in train[0]} & {scan.tobytes() for scan in heldout[0]}
    assert not shared


@pytest.mark.parametrize("split", SPLITS)
def test_media_are_made_of_scans_of_the_split(split: Split) -> None:
    known = {scan.tobytes() for scan in scans(split)[0]}
    for index in range(50):
        (picture,) = domain("image").prompt(split, index).images
        assert picture.shape == (8, 16, 3)
        assert {picture[:, :8, 0].tobytes(), picture[:, 8:, 0].tobytes()} <= known


def test_a_clip_moves_as_its_answer_says() -> None:
    for index in range(40):
        prompt = domain("video").prompt("train", index)
        assert prompt.video is not None
        assert prompt.video.shape == (FRAMES, CANVAS, CANVAS, 3)
        direction, digit = prompt.answer.split()
        assert digit.isdigit()
        first, last = (np.argwhere(prompt.video[frame, ..., 0] > 0).mean(axis=0) for frame in (0, -1))
        assert np.allclose(last - first, np.multiply(DIRECTIONS[direction], FRAMES - 1))


@pytest.mark.parametrize("name", SOURCES)
def test_only_the_answer_itself_is_paid(name: str) -> None:
    prompt = domain(name).prompt("train", 3)
    assert domain(name).reward(prompt, f" {prompt.answer}\n").value == 1.0
    for hack in ("", f"The answer is {prompt.answer}", f"{prompt.answer} {prompt.answer}", prompt.answer * 2, prompt.text):
        verdict = domain(name).reward(prompt, hack)
        assert verdict.value == 0.0
        assert repr(prompt.answer) in verdict.reason


@given(name=st.sampled_from(list(SOURCES)), index=st.integers(0, 30), completion=st.text())
@settings(deadline=None, derandomize=True)
def test_a_verifier_judges_any_string(name: str, index: int, completion: str) -> None:
    assert domain(name).reward(domain(name).prompt("heldout", index), completion).value in (0.0, 1.0)


@pytest.mark.parametrize(
    ("tasks", "complaint"),
    [
        ({"no_such_task": {}}, "no_such_task"),
        ({"gcd": {"no_such_parameter": 1}}, "gcd"),
        ({"gcd": {"seed": 1}}, "gcd.seed"),
        ({"gcd": {"share": 0}}, "gcd.share"),
        ({"spell_backward": {"min_word_len": 9, "max_word_len": 3}}, "spell_backward"),
    ],
)
def test_unusable_tasks_are_named(tasks: dict[str, dict[str, int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        build_domain("text", spec.ReasoningGym(source="reasoning_gym", tasks=tasks))


@pytest.mark.parametrize(("split", "index"), [("test", 0), ("train", -1)])
@pytest.mark.parametrize("name", SOURCES)
def test_a_prompt_that_cannot_be_is_refused(name: str, split: Split, index: int) -> None:
    with pytest.raises(ValueError, match=r"split|index"):
        domain(name).prompt(split, index)


def test_media_are_files_a_browser_shows_large_enough_to_read() -> None:
    assert media(domain("text").prompt("train", 0)) == []
    ((image_type, image_file),) = media(domain("image").prompt("train", 0))
    ((video_type, video_file),) = media(domain("video").prompt("train", 0))
    assert (image_type, video_type) == ("image/png", "image/apng")
    with Image.open(io.BytesIO(image_file)) as picture, Image.open(io.BytesIO(video_file)) as clip:
        assert picture.size == (192, 96)
        assert clip.size == (192, 192)
        assert getattr(clip, "n_frames", 1) == FRAMES
