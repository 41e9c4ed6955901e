"""docker-compose.yml: valid by the Compose specification, complete, and made of the same processes as the embedded stack."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from copd_engine.reach import Reach
from server.settings import Settings
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """As Compose does it after parsing the YAML. Raises KeyError for a required variable that is not set."""
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _value(match, variables), value)
    return value


def _value(match: re.Match[str], variables: dict[str, str]) -> str:
    name, operator, text = match.groups()
    if variables.get(name):
        return variables[name]
    if operator == "-":
        return text
    raise KeyError(f"{name}: {text}")


def example_variables() -> dict[str, str]:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def compose() -> dict[str, Any]:
    variables = example_variables() | {"COPD_POSTGRES_PASSWORD": "one", "COPD_REDIS_PASSWORD": "two"}
    return interpolated(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), variables)


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    PyCompose.from_json(json.dumps(compose)).to_spec()


def test_passwords_must_be_set() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    with pytest.raises(KeyError, match="PASSWORD: set it in"):
        interpolated(document, example_variables())


def test_the_example_settings_name_every_variable_of_the_file() -> None:
    used = {match[1] for match in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}
    assert used | {"COMPOSE_PROFILES"} == set(example_variables())


@pytest.mark.parametrize("service", ["server", "scheduler", "migrate"])
def test_server_processes_can_read_their_settings(compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(compose["services"][service]["environment"], monkeypatch)
    settings = Settings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
    assert settings.database_url.startswith("postgresql+psycopg://copd:one@postgres")
    assert settings.redis_url == "redis://:two@redis:6379/0"
    assert settings.host == "0.0.0.0"
    assert settings.reach == Reach.of("/var/lib/copd/models", "/var/lib/copd/data", hub=False)
    assert "localhost" in settings.allowed_hosts


@pytest.mark.parametrize("service", ["worker-gpu", "worker-cpu"])
def test_workers_know_redis_and_the_store_and_no_database(compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = compose["services"][service]["environment"]
    assert "COPD_DATABASE_URL" not in environment
    _only(environment, monkeypatch)
    settings = WorkerSettings()  # pyright: ignore[reportCallIssue]  # likewise
    assert settings.redis_url == "redis://:two@redis:6379/0"
    assert settings.store_url == "file:///var/lib/copd/store"
    assert settings.reach == Reach.of("/var/lib/copd/models", "/var/lib/copd/data", hub=False)


def test_each_profile_runs_its_own_workers(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "worker-gpu": ["gpu"],
        "worker-cpu": ["cpu"],
    }
    devices = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]


def test_storage_keeps_what_it_is_given(compose: dict[str, Any]) -> None:
    command = compose["services"]["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]} == set(
        compose["volumes"]
    )


def _only(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets exactly these variables."""
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
