"""What the page's tests of the form are made from: the schema of a spec, and the shipped specs as the server reads them.

`python -m tests.server.form_fixture` writes it.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from copd_engine.spec import load_yaml, spec_schema

FIXTURE = Path(__file__).parents[2] / "frontend/src/pages/new/fixtures/spec.json"


def content() -> str:
    sources = {
        file.name: file.read_text()
        for file in sorted(files("examples").iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml")
    }
    shipped = {name: {"source": source, "data": load_yaml(source)} for name, source in sources.items()}
    return json.dumps({"schema": spec_schema(), "shipped": shipped}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(content())
