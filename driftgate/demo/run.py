"""``driftgate demo``: start everything, tell the story, stay up."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftgate.demo import story
from driftgate.demo.environment import (
    KEPT,
    REPOSITORY,
    STATE_FILE,
    State,
    home,
    make_state,
    without_proxy,
    write_passwords,
)
from driftgate.demo.processes import Child, running, stop_leftovers
from driftgate.demo.story import CHAPTERS, Chapter, Proof, StoryError
from driftgate.demo.world import World
from driftgate.errors import DriftgateError

console = Console(highlight=False, soft_wrap=True)
MARKS = {"success": "[green]✓[/green]", "failed": "[red]✗[/red]"}


def clean() -> None:
    """Remove what earlier demos kept, and nothing else; UserMistake while one is running."""
    folder = home()
    if not (folder / STATE_FILE).exists():
        console.print(f"Nothing to clean: no demo has run in {folder}")
        return
    end_leftovers(folder)
    for name in KEPT:
        for path in folder.glob(f"{name}*" if name.endswith(".db") else name):  # databases have companions
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for place in (folder / "data", folder):
        with suppress(OSError):  # something of the user's own is in there, and stays
            place.rmdir()
    console.print(f"Removed the demo's state from {folder}")


def demo(*, leave: bool, port_offset: int) -> int:
    """Run the demo; returns the exit code."""
    # SIGINT too: a shell starts background jobs with it ignored, and the servers would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    os.environ.update(without_proxy())
    end_leftovers(home())
    state = make_state(port_offset)
    write_passwords(state)
    try:
        return _run(state, leave)
    except KeyboardInterrupt:
        offset = f" ARGS='--port-offset {port_offset}'" if port_offset else ""
        console.print(f"\nStopped. Start it again with: make demo{offset}")
        return 1 if leave else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def end_leftovers(folder: Path) -> None:
    """End processes of a demo that had no time to do so itself."""
    if count := stop_leftovers(folder):
        console.print(f"Ended {count} processes that an earlier demo left behind")


def _run(state: State, leave: bool) -> int:
    console.print(f"[bold]Driftgate demo[/bold]  state and logs in {state.home}")
    console.print("\n[bold]Starting[/bold]  (about half a minute)")
    with running(state, _ready) as children:
        told = _tell(World(state))
        if leave:
            return 0 if told else 1
        _stay(state, children)
    return 0


def _ready(child: Child, seconds: float) -> None:
    console.print(f"  {MARKS['success']} {child.service.name:<24} {seconds:5.1f} s  {child.url}")


def _tell(world: World) -> bool:
    started = time.monotonic()
    try:
        story.wait_for_pipelines(world)
        for number, chapter in enumerate(CHAPTERS, start=1):
            _tell_chapter(world, number, chapter)
        proofs = story.verify(world)
    except DriftgateError as error:
        kind = "" if isinstance(error, StoryError) else f"{type(error).__name__}: "
        console.print(f"\n[red]The story broke off.[/red] {kind}{escape(str(error))}")
        return False
    _summary(proofs, time.monotonic() - started)
    return all(proof.holds for proof in proofs)


def _tell_chapter(world: World, number: int, chapter: Chapter) -> None:
    console.print(f"\n[bold]{number}. {chapter.title}[/bold]")
    if seen := chapter.done(world):
        console.print(f"  {MARKS['success']} seen before: {escape(seen)}")
        return
    started = time.monotonic()
    idle = []
    for task in story.play(world, chapter):
        if task["state"] in MARKS:
            console.print(f"  {MARKS[task['state']]} {task['task_id']:<24} {task['duration'] or 0:5.1f} s")
        else:
            idle.append(task["task_id"])
    if idle:
        console.print(f"  [dim]– not needed: {', '.join(idle)}[/dim]")
    seen = chapter.done(world)
    if not seen:
        raise StoryError(f"chapter {number} has run, but its outcome cannot be seen from the outside")
    console.print(f"  → {escape(seen)}  [dim]({time.monotonic() - started:.0f} s)[/dim]")


def _summary(proofs: list[Proof], seconds: float) -> None:
    table = Table("", "Checked from the outside", "Seen", title=f"The story in {seconds:.0f} s", title_justify="left")
    for proof in proofs:
        table.add_row(MARKS["success" if proof.holds else "failed"], proof.claim, escape(proof.seen))
    console.print()
    console.print(table)


def _stay(state: State, children: list[Child]) -> None:
    console.print(
        f"\n[bold]Look around[/bold]\n"
        f"  Airflow    {state.url('airflow')}   admin / admin\n"
        f"  MLflow     {state.url('mlflow')}\n"
        f"  Model API  {state.url('api')}/docs\n"
        f"  Mail       {state.path / 'mail'}\n"
        f"\n  In another shell:  {_shell(state)} && airflow dags trigger model_retraining\n"
        f"\nCtrl-C stops everything and keeps the state."
    )
    while children:
        for child in [child for child in children if child.process.poll() is not None]:
            children.remove(child)
            _mourn(child)
        time.sleep(1)


def _mourn(child: Child) -> None:
    """Tell of a server that has ended; the others go on, for what they do without it is worth seeing."""
    console.print(
        f"\n[red]{child.service.name} ended with exit code {child.process.returncode}[/red]  its log: {child.log}\n"
        f"  Start it again in another shell:  {_shell(child.state)} && {shlex.join(child.service.command)}"
    )


def _shell(state: State) -> str:
    """The line that gives a shell the demo's environment, from wherever it is typed."""
    elsewhere = state.path != REPOSITORY / ".driftgate"
    home_of = f"DRIFTGATE_HOME={shlex.quote(state.home)} " if elsewhere else ""
    program = Path(sys.executable).with_name("driftgate")
    shown = os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)
    return f'eval "$({home_of}{shlex.quote(shown)} env)"'
