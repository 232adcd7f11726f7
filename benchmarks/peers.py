"""The same DAGs for every contestant: N pipelines of six to twelve Bash tasks, a diamond with a tail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

DIAMOND = {"t0": [], "t1": ["t0"], "t2": ["t0"], "t3": ["t1", "t2"]}
BASH = "airflow.providers.standard.operators.bash.BashOperator"
SAFE_MODE = "# airflow dag\n"  # Airflow's safe mode looks for these words


def edges(i: int) -> dict[str, list[str]]:
    """The tasks of the i-th pipeline, each with those before it."""
    return {**DIAMOND, **{f"t{number}": [f"t{number - 1}"] for number in range(4, 6 + i % 7)}}


def write(folder: Path, contestant: str, count: int) -> Path:
    """Write what one contestant needs for ``count`` DAGs; returns the folder to point Airflow's DagBag at."""
    folder.mkdir(parents=True)
    return WRITERS[contestant](folder, count)


def hand_written(folder: Path, count: int) -> Path:
    (folder / "dags.py").write_text(
        f"{SAFE_MODE}import pendulum\nfrom airflow.sdk import DAG\n"
        "from airflow.providers.standard.operators.bash import BashOperator\n\n"
        f"for i in range({count}):\n"
        '    with DAG(dag_id=f"p{i:04d}", schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),\n'
        '             catchup=False, tags=["bench"], default_args={"owner": "bench", "retries": 1}) as dag:\n'
        "        t = [BashOperator(task_id=f't{n}', bash_command=f'echo t{n} {i}') for n in range(6 + i % 7)]\n"
        "        t[0] >> [t[1], t[2]] >> t[3]\n"
        "        for n in range(4, len(t)):\n"
        "            t[n - 1] >> t[n]\n"
        "    globals()[dag.dag_id] = dag\n"
    )
    return folder


def driftgate(folder: Path, count: int) -> Path:
    pipelines = folder / "config" / "pipelines"
    pipelines.mkdir(parents=True)
    for i in range(count):
        (pipelines / f"p{i:04d}.yaml").write_text(
            f'dag_id: p{i:04d}\nschedule: "@daily"\nstart_date: "2026-01-01"\ntags: [bench]\n'
            "owner: bench\nretries: 1\ntasks:\n"
            + "".join(
                f"  {task}:\n    operator: {BASH}\n    bash_command: echo {task} {i}\n"
                + (f"    depends_on: [{', '.join(befores)}]\n" if befores else "")
                for task, befores in edges(i).items()
            )
        )
    dags = folder / "dags"
    dags.mkdir()
    generator = Path(__file__).resolve().parents[1] / "dags" / "generate.py"
    (dags / "generate.py").write_text(generator.read_text())
    return dags


def dag_factory(folder: Path, count: int) -> Path:
    for i in range(count):
        (folder / f"p{i:04d}.yml").write_text(
            f"p{i:04d}:\n  default_args:\n    owner: bench\n    retries: 1\n    start_date: 2026-01-01\n"
            '  schedule: "@daily"\n  catchup: false\n  tags: [bench]\n  tasks:\n'
            + "".join(
                f"    - task_id: {task}\n      operator: {BASH}\n      bash_command: echo {task} {i}\n"
                + (f"      dependencies: [{', '.join(befores)}]\n" if befores else "")
                for task, befores in edges(i).items()
            )
        )
    (folder / "dags.py").write_text(
        f"{SAFE_MODE}from pathlib import Path\nfrom dagfactory import load_yaml_dags\n"
        "load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))\n"
    )
    return folder


def blueprint(folder: Path, count: int) -> Path:
    (folder / "templates.py").write_text(
        f"{SAFE_MODE}import pendulum\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
        "from blueprint import BaseModel, Blueprint, BlueprintDagArgs\n\n"
        "class BashConfig(BaseModel):\n    command: str\n\n"
        "class Bash(Blueprint[BashConfig]):\n"
        "    def render(self, config):\n"
        "        return BashOperator(task_id=self.step_id, bash_command=config.command)\n\n"
        "class ArgsConfig(BaseModel):\n"
        "    schedule: str\n    start_date: str\n    catchup: bool\n    tags: list[str]\n"
        "    owner: str\n    retries: int\n\n"
        "class Args(BlueprintDagArgs[ArgsConfig], default=True):\n"
        "    def render(self, config):\n"
        "        return {'schedule': config.schedule, 'start_date': pendulum.parse(config.start_date),\n"
        "                'catchup': config.catchup, 'tags': config.tags,\n"
        "                'default_args': {'owner': config.owner, 'retries': config.retries}}\n"
    )
    for i in range(count):
        (folder / f"p{i:04d}.dag.yaml").write_text(
            f'dag_id: p{i:04d}\nschedule: "@daily"\nstart_date: "2026-01-01"\ncatchup: false\ntags: [bench]\n'
            "owner: bench\nretries: 1\nsteps:\n"
            + "".join(
                f"  {task}:\n    blueprint: bash\n    command: echo {task} {i}\n"
                + (f"    depends_on: [{', '.join(befores)}]\n" if befores else "")
                for task, befores in edges(i).items()
            )
        )
    (folder / "dags.py").write_text(
        f"{SAFE_MODE}from blueprint import build_all_airflow_dags\nbuild_all_airflow_dags()\n"
    )
    return folder


WRITERS: dict[str, Callable[[Path, int], Path]] = {
    "hand-written": hand_written,
    "driftgate": driftgate,
    "dag-factory": dag_factory,
    "blueprint": blueprint,
}
