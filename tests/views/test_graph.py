"""Graphs in the terminal and in mermaid."""

from __future__ import annotations

from driftgate.paint import coloured
from driftgate.views.graph import Edge, Graph, Node, bounds
from driftgate.views.mermaid import mermaid
from driftgate.views.tree import tree

DIAMOND = Graph(
    tuple(Node(name) for name in ("load", "left", "right", "join", "alone")),
    (Edge("load", "left"), Edge("load", "right"), Edge("left", "join"), Edge("right", "join")),
    {},
)
GROUPS = Graph(
    (
        Node("train", is_group=True),
        Node("train.deep", "train", is_group=True),
        Node("load"),
        Node("train.fit", "train", "for each params"),
        Node("train.deep.tune", "train.deep"),
        Node("end"),
    ),
    (Edge("load", "train"), Edge("train.fit", "train.deep"), Edge("train", "end")),
    {},
)


def chain(length: int) -> Graph:
    names = [f"t{number}" for number in range(length)]
    return Graph(tuple(map(Node, names)), tuple(map(Edge, names, names[1:])), {})


def test_a_task_that_waits_for_several_hangs_below_the_last() -> None:
    assert tree(DIAMOND) == (
        "load\n"
        "├─ left\n"
        "└─ right\n"
        "   └─ join  waits for left, right\n"
        "alone\n"
    )  # fmt: skip


def test_a_group_stands_for_its_first_and_its_last_tasks() -> None:
    assert tree(GROUPS) == ("load\n└─ train.fit  for each params\n   └─ train.deep.tune\n      └─ end\n")


def test_lines_are_quiet_and_names_are_not() -> None:
    assert tree(chain(2), coloured) == "t0\n\x1b[2m└─ \x1b[0mt1\n"


def test_a_very_long_chain_is_drawn_too() -> None:
    assert len(tree(chain(2000)).splitlines()) == 2000


def test_mermaid_draws_groups_as_subgraphs() -> None:
    assert mermaid(GROUPS) == (
        "graph LR\n"
        '    subgraph train ["train"]\n'
        '        subgraph node2_ ["deep"]\n'
        '            node5_["tune"]\n'
        "        end\n"
        '        node4_["fit<br/>for each params"]\n'
        "    end\n"
        "    load\n"
        '    node6_["end"]\n'
        "    load --> train\n"
        "    node4_ --> node2_\n"
        "    train --> node6_\n"
    )


def test_mermaid_labels_cannot_break_out() -> None:
    graph = Graph((Node('a"b'), Node("c")), (Edge('a"b', "c", ("<x>",)),), {})

    assert mermaid(graph) == (
        "graph LR\n"
        '    node1_{"a#quot;b"}\n'
        "    c\n"
        '    node1_ -->|"#lt;x>"| c\n'
    )  # fmt: skip


def test_bounds_are_those_of_the_bands() -> None:
    assert bounds({"minor": 0.1, "moderate": 0.15, "critical": 0.25}) == {
        "none": "PSI < 0.1",
        "minor": "0.1 ≤ PSI < 0.15",
        "moderate": "0.15 ≤ PSI ≤ 0.25",
        "critical": "PSI > 0.25",
    }
    assert bounds({}) == {}
