"""The story: a first model, ordinary traffic, a change in the world, a better model.

Each chapter asks the outside whether it has happened already, so an interrupted demo goes on where it was, and
checks by the outside that it has happened now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.demo import samples
from driftgate.demo.world import MODEL, MONITORING, RETRAINING, DriftRun, Retraining, World
from driftgate.errors import DriftgateError, Outage
from driftgate.services.patience import until

if TYPE_CHECKING:
    import pandas as pd

ORDINARY_ROWS = 1_500
SHIFTED_ROWS = 3_000
DAGS_SECONDS = 90
LOAD_SECONDS = 30

Task = dict[str, Any]


class StoryError(DriftgateError):
    """A chapter that did not go as it should."""


@dataclass(frozen=True)
class Chapter:
    """``play`` yields the tasks that end while it lasts and returns the sentence for the summary.

    ``done`` returns that sentence when the chapter has happened before, else None.
    """

    title: str
    done: Callable[[World], str | None]
    play: Callable[[World], Iterator[Task]]


def wait_for_pipelines(world: World) -> None:
    """Return once both pipelines are there, and data for them; StoryError with what is wrong otherwise."""
    if not world.training_data.exists():
        samples.write(samples.first_table(), world.training_data)
    wanted = {RETRAINING, MONITORING}
    deadline = time.monotonic() + DAGS_SECONDS
    while missing := wanted - world.airflow.dag_ids():
        if errors := world.airflow.import_errors():
            raise StoryError(f"{', '.join(sorted(missing))} cannot be built:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise StoryError(f"Airflow has found no {', '.join(sorted(missing))} after {DAGS_SECONDS} s")
        time.sleep(0.5)
    world.airflow.unpause(RETRAINING)


# Chapter 1: the first model.


def first_model_done(world: World) -> str | None:
    """A model is in production and served; an API that has just started may need a moment to load it."""
    if (version := world.production()) is None:
        return None
    return _in_service(version) if until(lambda: world.served() == version, LOAD_SECONDS) else None


def first_model(world: World) -> Iterator[Task]:
    """Train, promote, serve."""
    # The schedule may have started a run the moment the pipelines were unpaused; it is as good as ours.
    run_id = world.active(RETRAINING) or world.airflow.trigger(RETRAINING)
    yield from world.follow(RETRAINING, run_id)
    _settle(world, RETRAINING)
    _require_in_service(world, world.production())


# Chapter 2: ordinary traffic.


def quiet_done(world: World) -> str | None:
    """Some model was found to be without drift."""
    return next((_found(run) for run in world.drift_runs() if run.severity == "none"), None)


def quiet(world: World) -> Iterator[Task]:
    """Traffic as the model knows it: no drift."""
    _send(world, samples.first_table(), ORDINARY_ROWS, seed=1)
    world.airflow.unpause(MONITORING)  # not before there is something to see: its schedule starts a run at once
    yield from _check_drift(world, "none")


# Chapter 3: the world changes.


def better_model_done(world: World) -> str | None:
    """Drift has led to a new model, which went into service."""
    retraining = drift_retraining(world)
    if retraining is None or retraining.state != "success":
        return None
    version = world.version_of_run(retraining.run_id)
    return f"version {version} of {MODEL} took over" if version else None


def better_model(world: World) -> Iterator[Task]:
    """Traffic from a new scanner: critical drift starts a retraining, whose model takes over."""
    before = world.production()
    earlier = drift_retraining(world)
    if (retraining := earlier) is None or retraining.state == "failed":
        shifted = samples.from_new_scanner(samples.first_table())
        samples.write(shifted, world.training_data)
        _send(world, shifted, SHIFTED_ROWS, seed=2)
        yield from _check_drift(world, "critical")
        retraining = drift_retraining(world)
        if retraining == earlier:
            raise StoryError(
                "drift is critical, yet no retraining was started; the log of trigger_retraining says why. To play "
                "the story from its beginning: make clean-demo demo"
            )
    assert retraining is not None  # noqa: S101 (for the type checker: the branch above has seen to it)
    yield from world.follow(RETRAINING, retraining.run_id)
    after = world.production()
    if after == before:
        raise StoryError(f"the retraining succeeded, yet production is still version {before}")
    _require_in_service(world, after)


def drift_retraining(world: World) -> Retraining | None:
    """The newest retraining that a drift run asked for, those that succeeded first."""
    asked = [run for run in world.retrainings() if run.by.startswith(f"{MONITORING}/")]
    return max(asked, key=lambda run: (run.state == "success", run.at), default=None)


# Chapter 4: peace again.


def calm_done(world: World) -> str | None:
    """The model that drift had led to was found to be without drift."""
    retraining = drift_retraining(world)
    version = world.version_of_run(retraining.run_id) if retraining else None
    runs = [run for run in world.drift_runs() if run.version == version and run.severity == "none"]
    return _found(runs[0]) if version and runs else None


def calm(world: World) -> Iterator[Task]:
    """The new scanner's traffic is what the new model knows."""
    _send(world, samples.from_new_scanner(samples.first_table()), ORDINARY_ROWS, seed=3)
    yield from _check_drift(world, "none")


CHAPTERS = (
    Chapter("Train a first model and serve it", first_model_done, first_model),
    Chapter("Ordinary traffic: no drift", quiet_done, quiet),
    Chapter("A new scanner: critical drift starts a retraining", better_model_done, better_model),
    Chapter("The new model knows the new scanner: no drift", calm_done, calm),
)


def _send(world: World, table: pd.DataFrame, rows: int, seed: int) -> None:
    samples.send(world.api.url, table, rows, seed, world.api.token)


def _check_drift(world: World, expected: str) -> Iterator[Task]:
    """Run drift_monitoring and hold what it finds against what the story expects."""
    _settle(world, MONITORING)  # a run that the schedule started may have asked before the traffic came
    run_id = world.airflow.trigger(MONITORING)
    yield from world.follow(MONITORING, run_id)
    found = world.drift_run(run_id)
    if found is None or found.severity != expected:
        raise StoryError(f"expected severity {expected}, but drift_monitoring found: {found and _found(found)}")


def _settle(world: World, dag_id: str) -> None:
    """Wait for the runs that the schedule has started beside ours."""
    while other := world.active(dag_id):
        for _ in world.follow(dag_id, other):
            pass


def _require_in_service(world: World, version: str | None) -> None:
    served = world.served()
    if version is None or served != version:
        raise StoryError(f"alias production names version {version}, but the API serves {served}")


def _in_service(version: str) -> str:
    return f"version {version} of {MODEL} is in production and served"


def _found(run: DriftRun) -> str:
    psi = "" if run.psi is None else f", PSI {run.psi:.3f} over {run.samples} predictions"
    return f"{run.severity}{psi} on version {run.version}"


# The end: everything once more, from the outside.


@dataclass(frozen=True)
class Proof:
    """One claim of the story, and what was seen of it."""

    claim: str
    seen: str
    holds: bool


def verify(world: World) -> list[Proof]:
    """Check the whole story against what Airflow, MLflow and the API say now."""
    production, served = world.production(), world.served()
    runs = world.drift_runs()
    retraining = drift_retraining(world)
    asked = next((run for run in runs if retraining and retraining.by == f"{MONITORING}/{run.run_id}"), None)
    version = world.version_of_run(retraining.run_id) if retraining else None
    if asked is None or retraining is None or version is None or production is None:
        return [Proof("a drift run started a retraining", "none did", holds=False)]
    order = [run.severity for run in runs if run.severity != "unknown"]
    moved = asked.version != version and int(production) >= int(version)
    return [
        Proof("severity went none → critical → none", " → ".join(order), _in_order(order, "none", "critical", "none")),
        Proof("a critical drift run started the retraining", retraining.run_id, asked.severity == "critical"),
        Proof("its model passed the gate and was promoted", f"version {version}", retraining.state == "success"),
        Proof("alias production moved on", f"version {asked.version} → {production}", moved),
        Proof("the API serves what the alias names", f"version {served}", served == production),
    ]


def _in_order(severities: list[str], *wanted: str) -> bool:
    """Whether ``wanted`` occurs in this order, other things between allowed."""
    rest = iter(severities)
    return all(any(severity == step for severity in rest) for step in wanted)


def play(world: World, chapter: Chapter) -> Iterator[Task]:
    """Play a chapter; an outage on the way is an error of the story."""
    try:
        yield from chapter.play(world)
    except Outage as error:
        raise StoryError(str(error)) from error
