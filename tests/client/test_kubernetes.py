"""deploy/kubernetes: valid by Kubernetes' own schemas, complete, and made of the same processes as docker-compose.yml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from copd_engine.reach import Reach
from server.settings import Settings
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [each for name in KUSTOMIZATION["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text())]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
CONFIG = dict(line.split("=", 1) for line in KUSTOMIZATION["configMapGenerator"][0]["literals"])
SECRETS = dict(line.split("=", 1) for line in (FOLDER / "secrets.env.example").read_text().splitlines() if not line.startswith("#"))
WORKLOADS = {each["metadata"]["name"]: each["spec"] for each in OBJECTS if "template" in each.get("spec", {})}
PODS = {name: spec["template"]["spec"] for name, spec in WORKLOADS.items()}
CONTAINERS = [(name, each) for name, pod in PODS.items() for each in (*pod.get("initContainers", ()), *pod["containers"])]
WORKERS = ["worker-gpu", "worker-cpu"]


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_it_follows_kubernetes_schemas(each: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(each, version, strict=True)


def test_every_file_is_applied() -> None:
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml"} == {file.name for file in FOLDER.glob("*.yaml")}


def variables(container: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the process would find in its environment, every secret being its own name; set here, and nothing else of ours."""
    found = dict(CONFIG) if {"configMapRef": {"name": "copd"}} in container.get("envFrom", []) else {}
    for each in container["env"]:
        match each.get("valueFrom"):
            case None:
                found[each["name"]] = re.sub(r"\$\((\w+)\)", lambda reference: found[reference[1]], each["value"])
            case {"secretKeyRef": {"name": "copd", "key": key}}:
                assert key in SECRETS
                found[each["name"]] = key.lower()
            case {"fieldRef": {"fieldPath": "metadata.name"}}:
                found[each["name"]] = f"{name}-7f9c-x2x4p"
            case other:
                raise AssertionError(other)
    for key, value in found.items():
        monkeypatch.setenv(key, value)
    return found


def test_server_processes_can_read_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("server", "scheduler"):
        found = variables(PODS[name]["containers"][0], name, monkeypatch)
        settings = Settings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
        assert settings.database_url == "postgresql+psycopg://copd:postgres_password@postgres:5432/copd"
        assert settings.redis_url == "redis://:redis_password@redis:6379/0"
        assert settings.store_url == "s3://bucket/copd"
        assert settings.reach == Reach.of("/var/lib/copd/models", "/var/lib/copd/data", hub=False)
        assert str(settings.home) == found["COPD_HOME"]
        home = next(volume for volume in PODS[name]["volumes"] if volume["name"] == "home")
        assert home["secret"]["items"] == [{"key": "HASH_KEY", "path": "secret"}]
        assert PODS[name]["containers"][0]["volumeMounts"][0]["mountPath"] == found["COPD_HOME"]


@pytest.mark.parametrize("name", WORKERS)
def test_workers_know_redis_and_the_store_and_no_database(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = variables(PODS[name]["containers"][0], name, monkeypatch)
    assert not any("POSTGRES" in key or "DATABASE" in key for key in found)
    settings = WorkerSettings()  # pyright: ignore[reportCallIssue]  # likewise
    assert settings.redis_url == "redis://:redis_password@redis:6379/0"
    assert settings.store_url == "s3://bucket/copd"
    assert settings.name == f"{name}-7f9c-x2x4p"
    assert settings.stop_seconds < PODS[name]["terminationGracePeriodSeconds"]


def test_the_processes_and_images_are_those_of_compose() -> None:
    images = {container["image"] for _, container in CONTAINERS}
    assert images == {"copd", SERVICES["postgres"]["image"], SERVICES["redis"]["image"]}
    assert KUSTOMIZATION["images"][0]["name"] == "copd"
    commands = {
        name: container["args"] for name, container in CONTAINERS if container["image"] == "copd" and container["name"] != "migrate"
    }
    assert commands["server"] == SERVICES["server"]["command"]
    assert commands["scheduler"] == SERVICES["scheduler"]["command"]
    assert commands["worker-gpu"] == commands["worker-cpu"] == ["worker"], "one pod is one worker"
    assert PODS["server"]["initContainers"][0]["args"] == SERVICES["migrate"]["command"]
    redis = [word.replace("$(REDISCLI_AUTH)", "PASSWORD") for word in PODS["redis"]["containers"][0]["args"]]
    assert redis == [*SERVICES["redis"]["command"][:-1], "PASSWORD"]


def test_what_is_selected_is_there() -> None:
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in WORKLOADS.items()}
    for name, spec in WORKLOADS.items():
        assert spec["selector"]["matchLabels"].items() <= labels[name].items()
    ports = {name: {port["name"] for container in pod["containers"] for port in container.get("ports", ())} for name, pod in PODS.items()}
    for service in (each for each in OBJECTS if each["kind"] == "Service"):
        [name] = [name for name in labels if service["spec"]["selector"].items() <= labels[name].items()]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[name]
    reach = {
        policy["spec"]["podSelector"]["matchLabels"]["app"]: {
            name
            for peer in policy["spec"]["ingress"][0]["from"]
            for name in labels
            if peer["podSelector"]["matchLabels"].items() <= labels[name].items()
        }
        for policy in (each for each in OBJECTS if each["kind"] == "NetworkPolicy")
    }
    assert reach == {"postgres": {"server", "scheduler"}, "redis": {"server", "scheduler", *WORKERS}}


@pytest.mark.parametrize(("pod", "container"), CONTAINERS, ids=lambda each: each if isinstance(each, str) else each["name"])
def test_nothing_runs_as_root_or_with_rights(pod: str, container: dict[str, Any]) -> None:
    assert PODS[pod]["securityContext"]["runAsNonRoot"]
    assert PODS[pod]["securityContext"]["runAsUser"] > 0
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert "memory" in container["resources"]["limits"]
    assert PODS[pod]["automountServiceAccountToken"] is False


def test_gpu_workers_get_one_gpu_each() -> None:
    assert PODS["worker-gpu"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in PODS["worker-cpu"]["containers"][0]["resources"]["limits"]
