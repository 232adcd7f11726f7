"""Small real models in MLflow, and the model API on a port of its own."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlflow
import psycopg
import pytest
import requests
import uvicorn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from support.postgres import programs
from support.postgres import running as running_postgres

from driftgate.reference import Reference
from driftgate.serving.app import create_app
from driftgate.serving.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TOKEN = "a-token-for-tests"
FEATURES = ["mean radius", "mean texture", "mean area", "worst concavity"]


@dataclass(frozen=True)
class Logged:
    """A model in MLflow that no registered model has yet."""

    model_id: str
    run_id: str


@dataclass(frozen=True)
class Registered:
    """A registered model of one test alone, and its alias."""

    client: mlflow.MlflowClient
    name: str

    def add(self, logged: Logged) -> str:
        return str(
            self.client.create_model_version(
                self.name, f"models:/{logged.model_id}", logged.run_id, model_id=logged.model_id
            ).version
        )

    def promote(self, version: str) -> None:
        self.client.set_registered_model_alias(self.name, "production", version)

    def demote(self) -> None:
        self.client.delete_registered_model_alias(self.name, "production")


@dataclass(frozen=True)
class Api:
    """A client of a running model API."""

    url: str

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=30, **options)

    def predict(self, rows: list[dict[str, Any]]) -> requests.Response:
        return requests.post(f"{self.url}/predict", json={"rows": rows}, timeout=30)

    def reload(self, version: str | None = None, token: str = TOKEN) -> requests.Response:
        body = {"version": version} if version else None
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{self.url}/reload", json=body, headers=headers, timeout=60)

    def feedback(self, labels: Mapping[str, Any], token: str = TOKEN) -> requests.Response:
        body = {"labels": [{"id": key, "label": label} for key, label in labels.items()]}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{self.url}/feedback", json=body, headers=headers, timeout=30)

    def wait_until_ready(self) -> Api:
        return self.wait(lambda: self.get("/ready").ok)

    def wait(self, done: Callable[[], bool]) -> Api:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if done():
                    return self
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        pytest.fail("the model API did not get there within 30 s")


@pytest.fixture(scope="session")
def cancer() -> tuple[pd.DataFrame, pd.Series[int]]:
    table = load_breast_cancer(as_frame=True)
    return table.data[FEATURES], table.target


@pytest.fixture(scope="session")
def rows(cancer: tuple[pd.DataFrame, pd.Series[int]]) -> list[dict[str, float]]:
    return cancer[0].to_dict("records")


@pytest.fixture(scope="session")
def log_model(mlflow_server: str) -> Callable[..., Logged]:
    """Log an estimator with what the model API needs: signature and drift reference."""

    def log(
        estimator: Any,
        features: pd.DataFrame,
        *,
        reference: bool = True,
        reference_of: pd.DataFrame | None = None,
        signature: bool = True,
    ) -> Logged:
        mlflow.set_tracking_uri(mlflow_server)
        with mlflow.start_run() as run:
            if reference:
                trained = features if reference_of is None else reference_of
                mlflow.log_dict(Reference.from_frame(trained).to_json(), "drift_reference.json")
            info = mlflow.sklearn.log_model(
                estimator,
                name="model",
                signature=mlflow.models.infer_signature(features) if signature else None,
                serialization_format="skops",
                skops_trusted_types=["sklearn.tree._tree.Tree"],
                pip_requirements=["scikit-learn"],
            )
        return Logged(info.model_id, run.info.run_id)

    return log


@pytest.fixture(scope="session")
def forest(cancer: tuple[pd.DataFrame, pd.Series[int]]) -> RandomForestClassifier:
    return RandomForestClassifier(10, max_depth=4, random_state=7, n_jobs=-1).fit(*cancer)


@pytest.fixture(scope="session")
def logged(
    log_model: Callable[..., Logged],
    forest: RandomForestClassifier,
    cancer: tuple[pd.DataFrame, pd.Series[int]],
) -> Logged:
    return log_model(forest, cancer[0])


def register(uri: str) -> Registered:
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    name = f"monitor-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    return Registered(client, name)


def settings_for(model: Registered, uri: str, home: Path, **more: Any) -> Settings:
    return Settings(
        driftgate_api_token=TOKEN, driftgate_home=home, driftgate_model_name=model.name, mlflow_tracking_uri=uri, **more
    )


@pytest.fixture
def empty_model(mlflow_server: str) -> Registered:
    """A registered model without versions."""
    return register(mlflow_server)


@pytest.fixture
def model(empty_model: Registered, logged: Logged) -> Registered:
    """A registered model with versions 1 and 2, the first in production."""
    empty_model.promote(empty_model.add(logged))
    empty_model.add(logged)
    return empty_model


@pytest.fixture
def settings(mlflow_server: str, model: Registered, tmp_path: Path) -> Settings:
    return settings_for(model, mlflow_server, tmp_path)


@pytest.fixture(scope="session")
def run_api() -> Callable[[Settings], Any]:
    return running


@contextmanager
def running(settings: Settings) -> Iterator[Api]:
    """The model API under uvicorn, on a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            api = Api(f"http://127.0.0.1:{listener.getsockname()[1]}")
            yield api.wait(lambda: api.get("/health").ok)
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """The model API, serving version 1."""
    with running(settings) as api:
        yield api.wait_until_ready()


@pytest.fixture(scope="session")
def steady_api(mlflow_server: str, logged: Logged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The model API for tests that leave its model alone and do not look at its counts."""
    model = register(mlflow_server)
    model.promote(model.add(logged))
    with running(settings_for(model, mlflow_server, tmp_path_factory.mktemp("steady"))) as api:
        yield api.wait_until_ready()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not on this machine")
    with running_postgres(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/counts.db"
    server: str = request.getfixturevalue("postgres")
    name = f"db_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return server.replace("/postgres", f"/{name}")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("DRIFTGATE_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def at_port() -> Callable[[int], Api]:
    """A client of a model API that the test starts itself."""
    return lambda port: Api(f"http://127.0.0.1:{port}")
