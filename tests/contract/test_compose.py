"""The production picture: valid, complete, closed to the outside, without secrets."""

import re
import subprocess
import sys

import yaml

from uniscale.checkout import PROJECT_ROOT
from uniscale.config.settings import Settings

FILE = PROJECT_ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_the_file_obeys_the_compose_schema():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_the_production_picture_is_there():
    wanted = {"postgres", "redis", "airflow-api", "airflow-scheduler", "ray-head", "ray-worker", "mlflow", "evidently"}
    assert wanted <= set(COMPOSE["services"])


def test_published_ports_are_bound_to_loopback():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_come_from_the_environment():
    secrets = [
        (name, value)
        for service in [*COMPOSE["services"].values(), COMPOSE["x-uniscale"], COMPOSE["x-airflow"]]
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|FERNET|CATALOG|CONN", name)
    ]
    assert {name for name, _ in secrets} >= {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW__API_AUTH__JWT_SECRET"}
    for name, value in secrets:
        assert re.search(r"\$\{(POSTGRES_PASSWORD|REDIS_PASSWORD|AIRFLOW_JWT_SECRET|AIRFLOW_FERNET_KEY)", value), name


def test_the_online_store_opens_with_these_settings(monkeypatch, tmp_path):
    from uniscale.features.repo import repo_config

    environment = COMPOSE["x-uniscale"]["environment"]
    for name in ("UNISCALE_FEATURES__ONLINE_STORE", "UNISCALE_FEATURES__REDIS"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("UNISCALE_FEATURES__REDIS_PASSWORD", "secret")
    store = repo_config(Settings(home=tmp_path)).online_store

    assert (store.connection_string, store.password.get_secret_value()) == ("redis:6379", "secret")


def test_every_uniscale_variable_is_a_setting():
    environment = COMPOSE["x-uniscale"]["environment"]
    names = [name for name in environment if name.startswith("UNISCALE_")]
    assert names
    for name in names:
        model = Settings
        for part in name.removeprefix("UNISCALE_").lower().split("__"):
            field = model.model_fields[part]
            model = field.annotation


def test_volumes_and_dependencies_are_declared():
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"]), name
