"""``driftgate validate`` as a whole process, against check-jsonschema on the same files.

    make bench, or: python benchmarks/bench_validate.py [--counts 2 100 1000] [--rounds 5]

check-jsonschema is looked for on the PATH and beside this Python; it checks the schema only, we check more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def configuration(folder: Path, count: int) -> Path:
    """``count`` copies of the shipped pipelines, half of each."""
    (folder / "pipelines").mkdir(parents=True)
    shutil.copy(ROOT / "config" / "defaults.yaml", folder)
    for name in ("model_retraining", "drift_monitoring"):
        text = (ROOT / "config" / "pipelines" / f"{name}.yaml").read_text()
        for i in range(count // 2):
            copy = text.replace(f"dag_id: {name}", f"dag_id: {name}_{i}").replace(
                "pipeline: model_retraining", f"pipeline: model_retraining_{i}"
            )
            (folder / "pipelines" / f"{name}_{i}.yaml").write_text(copy)
    return folder


def seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[2, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    beside = Path(sys.executable).parent
    peer = shutil.which("check-jsonschema", path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))
    for count in options.counts:
        with tempfile.TemporaryDirectory() as temporary:
            measure(configuration(Path(temporary) / "config", count), peer, count, options.rounds, beside)


def measure(config: Path, peer: str | None, count: int, rounds: int, beside: Path) -> None:
    files = [str(path) for path in sorted((config / "pipelines").iterdir())]
    commands = {"driftgate validate": [sys.executable, "-m", "driftgate", "validate"]}
    if peer:
        schema = ROOT / "schemas" / "pipeline.schema.json"
        commands["check-jsonschema"] = [peer, "--schemafile", str(schema), *files]
    results: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            results.setdefault(name, []).append(seconds(command, {"DRIFTGATE_CONFIG_DIR": str(config)}))
    ours = statistics.median(results["driftgate validate"])
    print(f"\n{count} files{'':<16} {'median s':>9} {'min':>8} {'max':>8} {'× ours':>7}")
    for name, times in results.items():
        median = statistics.median(times)
        print(f"{name:<24} {median:9.3f} {min(times):8.3f} {max(times):8.3f} {median / ours:7.2f}")


if __name__ == "__main__":
    main()
