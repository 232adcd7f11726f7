from __future__ import annotations

from driftgate.config.graph import cycles, reachable, reverse


def test_a_graph_without_cycles_has_none() -> None:
    assert cycles({"a": [], "b": ["a"], "c": ["a", "b"]}) == []


def test_a_cycle_is_told_in_the_order_of_running_from_its_first_task() -> None:
    assert cycles({"x": [], "c": ["b"], "a": ["c", "x"], "b": ["a"]}) == [["c", "a", "b"]]


def test_every_separate_cycle_is_told() -> None:
    assert cycles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}) == [["a", "b"], ["c", "d"]]


def test_a_long_chain_is_no_trouble() -> None:
    chain = {str(n): [str(n - 1)] for n in range(1, 20_000)} | {"0": ["19999"]}

    assert [len(cycle) for cycle in cycles(chain)] == [20_000]


def test_reachable_is_everything_after_and_not_the_start() -> None:
    upstream = {"a": [], "b": ["a"], "c": ["b"], "d": []}

    assert reachable(reverse(upstream), ["a"]) == {"b", "c"}
    assert reachable(reverse(upstream), []) == set()
