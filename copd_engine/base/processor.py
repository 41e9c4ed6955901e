"""The tiny model's processor: a tokenizer trained on the domains' own wording, and the Qwen3-VL image and video processors."""

from collections.abc import Iterable
from typing import Any, Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

PATCH: Final = 4  # pixels along a patch's side; 2 x 2 patches merge into one token of 8 x 8 pixels: one digit scan
VOCABULARY: Final = 640
PAD: Final = "<|endoftext|>"
END: Final = "<|im_end|>"
SPECIAL_TOKENS: Final = (
    PAD,
    "<|im_start|>",
    END,
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_LONGEST_EDGE: Final = 1 << 20

CHAT_TEMPLATE: Final = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' %}{{- '<|video_pad|>' }}"
    "{%- else %}{{- part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Byte-level BPE whose merges may cross words, so that a question's fixed wording becomes a few tokens.

    Digits stay single, and so do the letters of the word a text ends with: what a question is about is spelled out.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"<\d+\.\d seconds>"), "isolated"),
            pre_tokenizers.Split(Regex(r"\w(?=\w*\z)"), "isolated"),
            pre_tokenizers.Split(Regex(r"\d(?![\d.]* seconds>)"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=50,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def build_processor(tokenizer: Tokenizer) -> Any:
    """The Qwen3-VL processor around `tokenizer`, for pictures as small as one scan."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        padding_side="right",
        clean_up_tokenization_spaces=False,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
    )
    size = {"shortest_edge": (2 * PATCH) ** 2, "longest_edge": _LONGEST_EDGE}
    pixels = {"patch_size": PATCH, "merge_size": 2, "temporal_patch_size": 2, "size": size, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=wrapped,
        video_processor=Qwen3VLVideoProcessor(**pixels, do_sample_frames=False, cap_pixels_per_frame=False),
        chat_template=CHAT_TEMPLATE,
    )
