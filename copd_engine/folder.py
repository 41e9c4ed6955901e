"""A policy as a plain Hugging Face folder, and the README that shows how to load it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from copd_engine.policy import Policy


def save_pretrained(policy: Policy, folder: str | Path, title: str, notes: str) -> None:
    """Writes weights, config, processor and a README whose snippet loads them and generates."""
    folder = Path(folder)
    policy.model.save_pretrained(folder)
    policy.processor.save_pretrained(folder)
    (folder / "README.md").write_text(model_card(policy, title, notes))


def model_card(policy: Policy, title: str, notes: str) -> str:
    """README of a policy's folder: what it is, and a snippet that runs inside it."""
    multimodal = policy.tokenizer is not policy.processor
    content = '[{"type": "text", "text": question}]' if multimodal else "question"
    return _CARD.format(
        title=title,
        notes=notes,
        model_class="AutoModelForImageTextToText" if multimodal else "AutoModelForCausalLM",
        processor_class="AutoProcessor" if multimodal else "AutoTokenizer",
        encode=_ENCODE_CHAT.replace("CONTENT", content) if policy.processor.chat_template else _ENCODE_TEXT,
    )


_CARD: Final = """# {title}

{notes}

Run this inside the folder:

```python
from transformers import {model_class}, {processor_class}

processor = {processor_class}.from_pretrained(".")
model = {model_class}.from_pretrained(".")

question = "Spell this word backward (example: sun -> nus): model"
{encode}
output = model.generate(**inputs, max_new_tokens=32)
print(processor.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
```
"""
_ENCODE_TEXT: Final = 'inputs = processor(question, return_tensors="pt")'
_ENCODE_CHAT: Final = """inputs = processor.apply_chat_template(
    [{"role": "user", "content": CONTENT}],
    tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt",
)"""
