"""The compose files against the rules that they promise to keep; needs no Docker."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ("docker-compose-airflow.yml", "docker-compose-celery.yml", "deploy/docker-compose-git.yml")
ONE_SHOTS = {"secrets", "airflow-init"}
NETWORKED = {"airflow-apiserver": 8080, "mlflow": 5000, "model-api": 8000}


def load(file: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    return document


def whole() -> dict[str, dict[str, Any]]:
    """Every service that is defined rather than changed, by name."""
    services = {**load("docker-compose-airflow.yml")["services"]}
    celery = load("docker-compose-celery.yml")["services"]
    return {**services, **{name: celery[name] for name in ("redis", "airflow-worker")}}


SERVICES = whole()
LASTING = sorted(set(SERVICES) - ONE_SHOTS)


def test_all_services_are_there() -> None:
    assert set(SERVICES) == ONE_SHOTS | {
        "postgres", "mlflow", "model-api", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor",
        "airflow-triggerer", "redis", "airflow-worker",
    }  # fmt: skip
    assert SERVICES["airflow-scheduler"]["container_name"] == "airflow-scheduler"


@pytest.mark.parametrize("file", FILES)
def test_the_old_docker_compose_reads_it_too(file: str) -> None:
    """1.29 refuses these keys; ``version:`` would make it ignore memory limits."""
    document = load(file)

    assert not {"name", "include", "version"} & set(document)
    for service in document["services"].values():
        assert "develop" not in service
        assert "start_interval" not in service.get("healthcheck", {})
        assert all("required" not in needed for needed in service.get("depends_on", {}).values())


@pytest.mark.parametrize("name", LASTING)
def test_a_service_is_watched_restarted_and_limited(name: str) -> None:
    service = SERVICES[name]

    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert "mem_limit" in service
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", sorted(ONE_SHOTS))
def test_a_step_of_the_preparation_runs_once(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"secrets"}))
def test_a_service_starts_after_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name]["depends_on"].items():
        wanted = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
        assert how["condition"] == wanted


def test_ports_are_published_on_loopback_unless_asked() -> None:
    for name, service in SERVICES.items():
        ports = service.get("ports", [])
        if name in NETWORKED:
            (port,) = ports
            assert re.fullmatch(r"\$\{DRIFTGATE_BIND:-127\.0\.0\.1\}:\$\{\w+:-(\d+)\}:\1", port)
            assert port.endswith(f":{NETWORKED[name]}")
        else:
            assert not ports


def test_databases_and_queue_are_in_networks_without_a_way_out() -> None:
    networks = {**load("docker-compose-airflow.yml")["networks"], **load("docker-compose-celery.yml")["networks"]}

    assert {name for name, network in networks.items() if network.get("internal")} == {"database", "queue"}
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert SERVICES["redis"]["networks"] == ["queue"]
    assert "database" not in SERVICES["airflow-worker"]["networks"]


SECRET = re.compile(r"password|secret|token|fernet|conn$|conn_cmd|broker|backend", re.IGNORECASE)
ALLOWED = re.compile(r"cat /run/driftgate/\S+|/run/postgres-secret/password|\$\{\w+:-\}|")


@pytest.mark.parametrize("file", FILES)
def test_no_secret_has_a_value_in_a_file(file: str) -> None:
    for name, service in load(file)["services"].items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert ALLOWED.fullmatch(str(value)), f"{name}: {variable}"


def test_the_example_of_settings_holds_no_value_that_counts() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()

    assert all(not line or line.startswith("#") for line in lines)


def test_every_setting_is_in_the_example() -> None:
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in FILES)
    used = set(re.findall(r"\$\{(\w+)", text)) - {"HOSTNAME", "POSTGRES_IMAGE", "REDIS_IMAGE"}
    shown = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))

    assert used == shown


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"secrets", "airflow-init", "postgres"}))
def test_a_service_runs_without_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user", "image's own") != "0:0"


def test_each_folder_of_secrets_belongs_to_the_user_of_its_service() -> None:
    from driftgate.deploy.secrets import OWNERS

    services = {"mlflow": "mlflow", "model-api": "model-api", "redis": "redis", "worker": "airflow-worker"}
    for folder, service in services.items():
        assert SERVICES[service]["user"] == f"{OWNERS[folder]}:0"


def test_files_that_are_read_are_files_that_are_made() -> None:
    from driftgate.deploy.secrets import RANDOM, rendered

    made = {f"/run/driftgate/{path}" for path in rendered(dict.fromkeys(RANDOM, "x"))}
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in FILES)

    assert set(re.findall(r"/run/driftgate/[\w-]+/[\w.]+", text)) <= made


def test_the_bundle_is_this_folder_read_only() -> None:
    for name in ("airflow-scheduler", "airflow-dag-processor", "airflow-worker"):
        assert ".:/opt/driftgate/repo:ro" in SERVICES[name]["volumes"]
        (bundle,) = json.loads(SERVICES[name]["environment"]["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        assert bundle["kwargs"] == {"path": "/opt/driftgate/repo"}


def test_a_worker_knows_what_the_scheduler_does_but_no_secret_of_airflows() -> None:
    scheduler = {**SERVICES["airflow-scheduler"]["environment"], **_override("airflow-scheduler")}
    worker = SERVICES["airflow-worker"]["environment"]
    own = {"AIRFLOW__CELERY__BROKER_URL_CMD", "AIRFLOW__CELERY__RESULT_BACKEND_CMD"}

    assert all(scheduler[name] == value for name, value in worker.items() if name not in own)
    assert {name for name in worker if SECRET.search(name)} == own


def _override(name: str) -> dict[str, str]:
    environment: dict[str, str] = load("docker-compose-celery.yml")["services"][name]["environment"]
    return environment


def test_versions_are_those_of_the_constraints() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (airflow,) = re.findall(r"^apache-airflow==(\S+)$", constraints, re.MULTILINE)

    assert f"FROM apache/airflow:{airflow}-python3.12" in _dockerfile().replace("ARG AIRFLOW_IMAGE=", "FROM ")
    assert f'airflowVersion: "{airflow}"' in (ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8")
    assert "--constraint constraints.txt" in _dockerfile()


def test_on_kubernetes_no_user_with_a_well_known_password_is_made() -> None:
    """The chart looks at this key alone; the same word within defaultUser switches nothing off."""
    assert load("deploy/helm-values.yaml")["createUserJob"] == {"enabled": False}


def test_the_image_does_not_run_as_root_and_its_code_belongs_to_root() -> None:
    last = _dockerfile().split("\nFROM ")[-1]

    assert last.strip().endswith("USER 50000")
    assert "COPY --from=packages /opt/driftgate/venv" in last


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")
