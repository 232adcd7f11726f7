from __future__ import annotations

from typing import Any

import pytest

from driftgate.config.order import Order
from driftgate.config.tree import Tree, is_group


def task(*depends_on: str, **more: Any) -> dict[str, Any]:
    return {"operator": "log_status", "depends_on": list(depends_on), **more}


def group(*depends_on: str, **tasks: Any) -> dict[str, Any]:
    return {"depends_on": list(depends_on), "tasks": tasks}


TREE = Tree({"load": task(), "data": group(load=task(), deep=group(load=task(), check=task()))})


@pytest.mark.parametrize(
    ("name", "scope", "meant"),
    [
        ("load", "", "load"),
        ("load", "data", "data.load"),
        ("load", "data.deep", "data.deep.load"),
        ("check", "data.deep", "data.deep.check"),
        ("deep", "data.deep", "data.deep"),
        ("deep.load", "data", "data.deep.load"),
        ("data.load", "data.deep", "data.load"),
        ("data", "data.deep", "data"),
        ("check", "data", None),
        ("data.check", "", None),
        ("", "data", None),
    ],
)
def test_a_name_is_looked_up_outward(name: str, scope: str, meant: str | None) -> None:
    assert TREE.resolve(name, scope) == meant


@pytest.mark.parametrize(
    ("target", "scope", "name"),
    [("data.load", "data", "load"), ("load", "data", "load"), ("data.deep.check", "", "data.deep.check"),
     ("data.load", "data.deep", "data.load")],
)  # fmt: skip
def test_a_node_has_a_short_name_where_one_will_do(target: str, scope: str, name: str) -> None:
    assert TREE.known_as(target, scope) == (name if TREE.resolve(name, scope) == target else target)


def test_ids_are_full_and_groups_come_before_what_is_in_them() -> None:
    assert list(TREE.tasks) == ["load", "data.load", "data.deep.load", "data.deep.check"]
    assert list(TREE.groups) == ["data", "data.deep"]
    assert [node.group for node in TREE.tasks.values()] == ["", "data", "data.deep", "data.deep"]
    assert TREE.tasks["data.deep.load"].path == ("tasks", "data", "tasks", "deep", "tasks", "load")


@pytest.mark.parametrize(
    ("entry", "is_one"),
    [({"tasks": {}}, True), ({"tasks": None}, True), ({"taks": {"a": {}}}, True),
     ({"operator": "x", "tasks": {}}, False), ({"taks": 5}, False), ({}, False), (None, False), ([], False)],
)  # fmt: skip
def test_what_a_group_is(entry: Any, is_one: bool) -> None:
    assert is_group(entry) == is_one


def test_a_misspelt_operator_counts_as_the_one_that_it_must_be() -> None:
    nodes = Tree({"a": {"operator": "evaluate_modle"}, "b": {"operator": "x.Y"}, "c": {"operator": "zzz"}}).tasks

    assert [node.operator for node in nodes.values()] == ["evaluate_model", "x.Y", ""]


def before(tasks: dict[str, Any]) -> dict[str, set[str]]:
    """Every task with the tasks directly before it, groups resolved, as Airflow would draw it."""
    order = Order(Tree(tasks))

    def resolve(name: str) -> set[str]:
        if name in order.tree.tasks:
            return {name}
        return {task for other in order.upstream[name] for task in resolve(other)}

    return {task: {found for other in order.upstream[task] for found in resolve(other)} for task in order.tree.tasks}


def test_a_group_stands_for_its_first_and_last_tasks() -> None:
    tasks = {
        "begin": task(),
        "g": group("begin", a=task(), b=task("a"), c=task()),
        "end": task("g"),
    }

    assert before(tasks) == {"begin": set(), "g.a": {"begin"}, "g.b": {"g.a"}, "g.c": {"begin"}, "end": {"g.b", "g.c"}}


def test_nested_groups_stand_for_theirs_too() -> None:
    tasks = {
        "outer": group(
            "begin",
            first=task(),
            inner=group("first", a=task(), b=task("a")),
            alone=group(c=task("begin"), d=task("c")),
        ),
        "begin": task(),
        "end": task("outer"),
    }

    assert before(tasks) == {
        "outer.first": {"begin"},
        "outer.inner.a": {"outer.first"},
        "outer.inner.b": {"outer.inner.a"},
        "outer.alone.c": {"begin"},
        "outer.alone.d": {"outer.alone.c"},
        "begin": set(),
        "end": {"outer.inner.b", "outer.alone.d"},
    }


def test_what_airflow_draws_is_what_we_reckon_with() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    from airflow.providers.standard.operators.empty import EmptyOperator

    tasks = {
        "begin": task(),
        "one": group("begin", a=task(), deep=group("a", x=task(), y=task(), z=task("x", "y")), b=task("deep.x")),
        "two": group("one", "one.deep", a=task("one.a"), b=task()),
        "end": task("two", "one.b"),
    }
    order = Order(Tree(tasks))
    with sdk.DAG("x", schedule=None, auto_register=False) as dag:
        nodes: dict[str, Any] = {"": dag.task_group}
        for node in order.tree.nodes.values():
            name, parent = str(node.path[-1]), nodes[node.group]
            made = sdk.TaskGroup(name, parent_group=parent) if node.is_group else EmptyOperator(
                task_id=name, task_group=parent)  # fmt: skip
            nodes[node.id] = made
        for one, other in order.by_depth:
            nodes[one] >> nodes[other]

    assert before(tasks) == {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}


def test_a_long_list_of_groups_is_no_trouble() -> None:
    many = {f"t{number}": task() for number in range(3_000)}
    order = Order(Tree({"one": group(**many), "two": group("one", **many)}))

    assert sum(map(len, order.upstream.values())) < 10_000
    assert order.cycles == []
