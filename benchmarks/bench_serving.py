"""The model API against ``mlflow models serve`` and the floors, drift against evidently, all in one run.

    make bench, or: python benchmarks/bench_serving.py [predict] [drift] [psi] [--seconds 4] [--rounds 3]

``predict``: the same RandomForest of 200 trees behind everything. The load comes from one process with one or eight
connections that stay open. ``drift``: GET /drift/status with 10³ … 10⁷ predictions behind it. ``psi``: 10⁵ rows × 30
columns; evidently is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import requests
from sklearn.datasets import load_breast_cancer

from driftgate.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftgate.serving.models import ServedModel

MODEL = "bench"
TREES = 200
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
ECHO = """
import sys, uvicorn
from typing import Any
from fastapi import FastAPI
from fastapi.responses import JSONResponse
app = FastAPI()
@app.get("/health")
async def health(): return JSONResponse({})
@app.post("/predict")
async def echo(body: dict[str, Any]): return JSONResponse({"rows": len(body["rows"])})
uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
"""
SERVE = "import sys; from driftgate.cli.serve import serve; serve(port=int(sys.argv[1]))"


@dataclass(frozen=True)
class World:
    """A folder with a trained model, registered in MLflow's own SQLite database, and saved for MLflow's server."""

    folder: Path

    @property
    def tracking(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    @property
    def saved(self) -> Path:
        return self.folder / "saved"

    @property
    def counts(self) -> str:
        return f"sqlite:///{self.folder}/counts.db"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **QUIET,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # where MLflow's server looks for uvicorn
            "MLFLOW_TRACKING_URI": self.tracking,
            "DRIFTGATE_API_TOKEN": "of-the-benchmark",
            "DRIFTGATE_DATABASE_URL": self.counts,
            "DRIFTGATE_MODEL_NAME": MODEL,
        }


def cancer() -> tuple[pd.DataFrame, Any]:
    return load_breast_cancer(as_frame=True, return_X_y=True)


def prepare(folder: Path) -> World:
    """Train and register through Driftgate, put version 1 into production, and save the same for MLflow's server."""
    import mlflow

    from driftgate.services import modelfile, training
    from driftgate.services.holdout import Choice

    world = World(folder)
    os.chdir(folder)
    features, target = cancer()
    features.assign(target=target).to_parquet(folder / "data.parquet")
    forest = {"n_estimators": TREES, "random_state": 1}
    estimator = "sklearn.ensemble.RandomForestClassifier"
    data = str(folder / "data.parquet")
    choice = Choice("target", 0.2)
    training.train(
        training.Job(
            tracking_uri=world.tracking,
            experiment="bench",
            airflow_run="run",
            uri=data,
            choice=choice,
            model=MODEL,
            estimator=estimator,
            params=forest,
        )
    )
    mlflow.MlflowClient(world.tracking).set_registered_model_alias(MODEL, "production", "1")
    mlflow.sklearn.save_model(
        modelfile.load(MODEL, "1"),
        world.saved,
        serialization_format="skops",
        skops_trusted_types=list(modelfile.TRUSTED_TYPES),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],
    )
    return world


@contextmanager
def server(command: list[str], environment: dict[str, str], url: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                if requests.get(url, timeout=2).ok:
                    break
            time.sleep(0.2)
        else:
            sys.exit(f"{command[1:4]} does not answer at {url}")
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def servers(world: World) -> dict[str, tuple[list[str], str, str]]:
    """By name: the command, its port, the path that takes rows, the path that says it is ready."""
    ports = [str(free_port()) for _ in range(3)]
    mlflow = ["models", "serve", "-m", str(world.saved), "-p", ports[0], "--env-manager", "local"]
    return {
        "mlflow models serve": ([sys.executable, "-m", "mlflow", *mlflow], ports[0], "/invocations /ping"),
        "driftgate serve": ([sys.executable, "-c", SERVE, ports[1]], ports[1], "/predict /ready"),
        "echo, same framework": ([sys.executable, "-c", ECHO, ports[2]], ports[2], "/predict /health"),
    }


def body(path: str, rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"dataframe_records" if path == "/invocations" else "rows": rows}).encode()


async def load(port: int, path: str, content: bytes, connections: int, seconds: float) -> list[float]:
    """Seconds of each request; a failed one ends the benchmark."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    end = time.perf_counter() + seconds

    async def client() -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        took = []
        while (started := time.perf_counter()) < end:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in answer[:20]:
                sys.exit(f"{path}: {answer[:200]!r}")
            await reader.readexactly(_length(answer))
            took.append(time.perf_counter() - started)
        writer.close()
        return took

    return [second for took in await asyncio.gather(*(client() for _ in range(connections))) for second in took]


def _length(head: bytes) -> int:
    return int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def predict(world: World, seconds: float, rounds: int) -> None:
    features, _ = cancer()
    rows = features.to_dict("records")
    print(f"\nPOST /predict, RandomForest of {TREES} trees, 30 features; median of {rounds} rounds of {seconds:g} s")
    print(
        f"{'':<26}{'rows':>6}{'conns':>6}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'× mlflow req/s':>16}{'p99 / its':>11}"
    )
    for count in (1, 100):
        for connections in (1, 8):
            base: tuple[float, float] | None = None
            for name, found in _rates(world, rows[:count], connections, seconds, rounds).items():
                rate, p50, p99 = found
                base = base or (rate, p99)
                ratios = f"{rate / base[0]:16.1f}{p99 / base[1]:11.3f}"
                print(f"{name:<26}{count:6}{connections:6}{rate:9.1f}{p50 * 1e3:9.2f}{p99 * 1e3:9.2f}{ratios}")
    floor(features)


_running: dict[str, tuple[int, str]] = {}


def _rates(
    world: World, rows: list[dict[str, Any]], connections: int, seconds: float, rounds: int
) -> dict[str, tuple[float, ...]]:
    """Round by round through all servers, so that a slow moment of the machine meets them alike."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for _ in range(rounds):
        for name, (port, path) in _running.items():
            took = asyncio.run(load(port, path, body(path, rows), connections, seconds))
            cut = np.quantile(took, [0.5, 0.99])
            found.setdefault(name, []).append((len(took) / seconds, *cut.tolist()))
    return {
        name: tuple(statistics.median(column) for column in zip(*runs, strict=True)) for name, runs in found.items()
    }


@contextmanager
def all_servers(world: World) -> Iterator[None]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for name, (command, port, paths) in servers(world).items():
            path, ready = paths.split()
            stack.enter_context(server(command, world.environment(), f"http://127.0.0.1:{port}{ready}"))
            _running[name] = (int(port), path)
        yield


def floor(features: pd.DataFrame) -> None:
    """In this process, without HTTP."""
    from driftgate.serving.registry import Registry

    registry = Registry(os.environ["MLFLOW_TRACKING_URI"], MODEL)
    version = registry.production()
    assert version is not None
    model = registry.load(version)
    print(f"\n{'in process, ms':<40}{'1 row':>9}{'100 rows':>10}")
    for name, ask in _ways(model).items():
        times = [median_ms(partial(ask, features[:count])) for count in (1, 100)]
        print(f"{name:<40}{times[0]:9.3f}{times[1]:10.3f}")


def _ways(model: ServedModel) -> dict[str, Callable[[pd.DataFrame], Any]]:
    def directly(frame: pd.DataFrame) -> Any:
        assert model.direct is not None
        return model.direct.answer(inputs[len(frame)])

    rows = cancer()[0].to_dict("records")
    inputs = {count: model.signature.read(rows[:count]) for count in (1, 100)}
    return {
        "predict_proba of the DataFrame": model.estimator.predict_proba,
        "the trees, directly": directly,
        "checking rows, all of it": lambda frame: model.signature.read(rows[: len(frame)]),
        "counting into bins": lambda frame: model.histograms.count(inputs[len(frame)]),
    }


def median_ms(act: Callable[[], Any], times: int = 30) -> float:
    act()
    took = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3


def drift(world: World) -> None:
    port = _running["driftgate serve"][0]
    print(f"\nGET /drift/status, ms{'':<6}{'predictions':>14}{'window':>8}{'p50':>8}{'p99':>8}")
    for exponent in range(3, 8):
        _count(world, 10**exponent)
        for window in ("24h", "7d", "90d"):
            took = [_status(port, window, exponent) for _ in range(100)]
            p50, p99 = np.quantile(took, [0.5, 0.99]) * 1e3
            print(f"{'':<27}{10**exponent:>14,}{window:>8}{p50:8.2f}{p99:8.2f}")


def _status(port: int, window: str, exponent: int) -> float:
    started = time.perf_counter()
    answer = requests.get(f"http://127.0.0.1:{port}/drift/status?window={window}", timeout=10).json()
    took = time.perf_counter() - started
    if window == "90d" and answer["samples"] < 0.98 * 10**exponent:  # the oldest hours may lie just outside
        sys.exit(f"{answer['samples']} of 10^{exponent} predictions were counted")
    return took


def _count(world: World, predictions: int) -> None:
    """Put the counts of so many predictions, spread over ninety days, where the API looks for them."""
    from sqlalchemy import delete

    from driftgate.serving import tables
    from driftgate.serving.registry import Registry
    from driftgate.serving.store import HOUR, CountStore, hour_of
    from driftgate.serving.tally import Amount

    registry = Registry(world.tracking, MODEL)
    version = registry.production()
    assert version is not None
    model = registry.load(version)
    store = CountStore.open(world.counts)
    with store.engine.begin() as connection:
        connection.execute(delete(tables.counts))
    hours = 90 * 24 - 1
    chance = np.random.default_rng(0)
    rows = chance.multinomial(predictions, np.full(hours, 1 / hours))
    now = hour_of(time.time())
    batch = {}
    for hour, n in enumerate(rows.tolist()):
        parts = [chance.multinomial(n, feature.proportions) for feature in model.reference.features]
        batch[model.series, now - hour * HOUR] = Amount(n, np.concatenate(parts))
    store.add(os.urandom(16).hex(), 1, batch, time.time())
    store.close()


def psi(rounds: int) -> None:
    chance = np.random.default_rng(0)
    reference, current = _table(chance, 0.0), _table(chance, 0.3)
    ready = Reference.from_frame(reference)
    columns = {str(name): current[name].to_numpy() for name in current}
    ways: dict[str, Callable[[], Any]] = {
        "a pass over the memory (floor)": lambda: current.to_numpy().sum(),
        "driftgate: counting and PSI": lambda: ready.drift(ready.count_columns(columns)),
        "driftgate: reference, counting, PSI": lambda: Reference.from_frame(reference).drift(
            ready.count_columns(columns)
        ),
        **_evidently(reference, current),
    }
    print(f"\nPSI of 10⁵ rows × 30 columns against as many{'ms':>8}{'× ours':>9}")
    times = {name: median_ms(act, rounds) for name, act in ways.items()}
    ours = times["driftgate: counting and PSI"]
    for name, took in times.items():
        print(f"{name:<44}{took:8.1f}{took / ours:9.1f}")


def _table(chance: np.random.Generator, shift: float) -> pd.DataFrame:
    """Ten normal, ten lognormal and ten gamma columns."""
    size = (100_000, 10)
    parts = [chance.normal(shift, 1, size), chance.lognormal(shift, 2, size), chance.gamma(2 + shift, 1, size)]
    return pd.DataFrame(np.asfortranarray(np.concatenate(parts, axis=1)), columns=[f"c{i}" for i in range(30)])


def _evidently(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    try:
        from evidently import Report
        from evidently.metrics import ValueDrift
        from evidently.presets import DataDriftPreset
    except Exception as error:  # one of its versions fails at import with some pandas
        print(f"\nevidently is left out: {type(error).__name__}: {str(error)[:100]}")
        return {}
    single = [ValueDrift(column=column, method="psi") for column in current]
    return {
        'evidently: 30 × ValueDrift(method="psi")': lambda: Report(single).run(current, reference).dict(),
        'evidently: DataDriftPreset(num_method="psi")': lambda: (
            Report([DataDriftPreset(num_method="psi")]).run(current, reference).dict()
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], "predict", "drift", "psi"], default=[])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    parts = options.parts or ["predict", "drift", "psi"]
    if "predict" in parts or "drift" in parts:
        with tempfile.TemporaryDirectory() as folder:
            world = prepare(Path(folder))
            os.environ.update(world.environment())
            with all_servers(world):
                if "predict" in parts:
                    predict(world, options.seconds, options.rounds)
                if "drift" in parts:
                    drift(world)
            os.chdir("/")
    if "psi" in parts:
        psi(options.rounds)


if __name__ == "__main__":
    os.environ.update(QUIET)
    main()
