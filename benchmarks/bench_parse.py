"""How long Airflow's DAG processor needs for N pipelines, and a starting task for its one of N.

Each sample is a fresh process that has imported Airflow and the contestant and then fills a DagBag, the
contestants in turn, so that a change of the machine's speed hits all alike. Prints medians, and ratios (of CPU
time, which other work on the machine hardly touches) to the hand-written Python file of the same run.

    make bench, or: python benchmarks/bench_parse.py [--counts 1 100 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from peers import WRITERS, write

MODES = {"driftgate": ("cold", "warm")}  # with an empty state folder, and with what an earlier parse kept

SAMPLE = """
import resource, sys, time, logging, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from airflow.dag_processing.dagbag import BundleDagBag
import airflow.providers.standard.operators.bash
for name in sys.argv[3:]:
    __import__(name)
started, cpu = time.perf_counter(), time.process_time()
bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=sys.argv[1], bundle_name="bench")
elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
assert not bag.import_errors, bag.import_errors
assert len(bag.dags) == int(sys.argv[2]), len(bag.dags)
for dag_id, dag in bag.dags.items():
    assert len(dag.tasks) == 6 + int(dag_id[1:]) % 7 and len(dag.get_task("t3").upstream_task_ids) == 2, dag_id
print(elapsed, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
IMPORTS = {"driftgate": ["driftgate.publish"], "dag-factory": ["dagfactory"], "blueprint": ["blueprint"]}


class Sample(NamedTuple):
    seconds: float
    cpu: float
    megabytes: float


def sample(contestant: str, folder: Path, expected: int, environment: dict[str, str]) -> Sample:
    command = [sys.executable, "-c", SAMPLE, str(folder), str(expected), *IMPORTS.get(contestant, [])]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{contestant}: {done.stderr[-2000:]}")
    return Sample(*map(float, done.stdout.split()[-3:]))


def present(contestant: str) -> bool:
    module = {"blueprint": "blueprint", "dag-factory": "dagfactory"}.get(contestant, "airflow")
    return importlib.util.find_spec(module) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    contestants = [name for name in WRITERS if present(name)]
    if missing := set(WRITERS) - set(contestants):
        print(f"not installed, left out: {', '.join(sorted(missing))}")
    for count in options.counts:
        with tempfile.TemporaryDirectory() as temporary:
            measure(Path(temporary), contestants, count, options.rounds)


def measure(root: Path, contestants: list[str], count: int, rounds: int) -> None:
    folders = {name: write(root / name, name, count) for name in contestants}
    base = {"AIRFLOW_HOME": str(root / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600", "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
            "DRIFTGATE_CONFIG_DIR": str(root / "driftgate" / "config"), "CONFIG_ROOT_DIR": str(root)}  # fmt: skip
    one = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": f"p{count // 2:04d}", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "t3"}
    parse: dict[str, list[Sample]] = {}
    start: dict[str, list[Sample]] = {}
    for turn in range(rounds):
        for name, folder in folders.items():
            for mode in MODES.get(name, ("",)):
                state = root / ("state" if mode == "warm" else f"state-{turn}")
                environment = {**base, "DRIFTGATE_STATE_DIR": str(state)}
                if mode == "warm" and not state.exists():
                    sample(name, folder, count, environment)
                parse.setdefault(f"{name} {mode}".strip(), []).append(sample(name, folder, count, environment))
            environment = {**base, **one, "DRIFTGATE_STATE_DIR": str(root / "state")}
            start.setdefault(name, []).append(sample(name, folder, 1 if name == "driftgate" else count, environment))
    show(f"parse {count}", parse)
    show(f"task start, one of {count}", start)


def show(title: str, results: dict[str, list[Sample]]) -> None:
    floor = statistics.median(each.cpu for each in results["hand-written"])
    print(f"\n{title:<24} {'wall s':>9} {'CPU s':>9} {'min':>8} {'max':>8} {'× hand':>7} {'peak MB':>8}")
    for name, samples in results.items():
        wall, cpu, memory = (statistics.median(values) for values in zip(*samples, strict=True))
        low, high = min(each.cpu for each in samples), max(each.cpu for each in samples)
        print(f"{name:<24} {wall:9.4f} {cpu:9.4f} {low:8.4f} {high:8.4f} {cpu / floor:7.2f} {memory:8.0f}")


if __name__ == "__main__":
    main()
