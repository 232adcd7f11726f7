from __future__ import annotations

from driftgate.config.layers import Layers, merge
from driftgate.config.source import parse


def layers(*texts: str) -> Layers:
    return Layers(tuple(parse(text.encode(), f"{number}.yaml") for number, text in enumerate(texts)))


def test_mappings_merge_deeply_and_everything_else_replaces() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"z": 1}}
    above = {"a": {"y": [3]}, "b": {"w": 1}, "c": None}

    assert merge(below, above) == {"a": {"x": 1, "y": [3]}, "b": {"w": 1}, "c": None}


def test_merging_changes_neither_layer() -> None:
    below, above = {"a": {"x": 1}}, {"a": {"y": 2}}

    merge(below, above)

    assert (below, above) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_a_value_is_where_the_topmost_layer_that_has_it_says() -> None:
    both = layers("a: {x: 1}\n", "b: 2\na:\n  x: 0\n  y: 3\n")

    assert both.place(("a", "x")) == ("0.yaml", 1, 8)
    assert both.place(("a", "y")) == ("1.yaml", 4, 6)
    assert both.place(("b",)) == ("1.yaml", 1, 4)


def test_what_is_missing_is_at_its_nearest_parent_in_the_topmost_layer() -> None:
    both = layers("c: 1\na:\n  x: 1\n", "a:\n  y: {z: 1}\n")

    assert both.place(("a", "missing")) == ("0.yaml", 2, 1)
    assert both.place(("a", "y", "missing")) == ("1.yaml", 2, 3)
    assert both.place(("missing",)) == ("0.yaml", 1, 1)


def test_a_replaced_value_is_not_found_in_the_layer_below() -> None:
    both = layers("a: [1]\n", "a: [1, 2, 3]\n")

    assert both.place(("a", 2)) == ("0.yaml", 1, 1)


def test_what_is_missing_is_in_the_pipelines_own_file_rather_than_in_what_lies_over_it() -> None:
    above, own = parse(b"a: {y: 2}\n", "above.yaml"), parse(b"\na: {x: 1}\n", "own.yaml")
    both = Layers((above, own), home=1)

    assert both.place(("a", "missing")) == ("own.yaml", 2, 1)
    assert both.place(("a",)) == ("own.yaml", 2, 4)
    assert both.place(("a", "y")) == ("above.yaml", 1, 8)


def test_a_part_of_a_document_knows_its_places_in_the_whole() -> None:
    part = parse(b"pipelines:\n  x: {retries: 1, dag_id: y}\n", "env.yaml").part("pipelines", "x", without=("dag_id",))

    assert part.data == {"retries": 1}
    assert Layers((part,)).place(("retries",)) == ("env.yaml", 2, 16)
    assert part.part("nothing", "here").data == {}
