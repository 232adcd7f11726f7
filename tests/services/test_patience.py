import time

from driftgate.services.patience import until


def test_what_becomes_true_is_not_waited_for_any_longer() -> None:
    turns = iter([False, False, True])
    assert until(lambda: next(turns), 60)


def test_what_does_not_become_true_in_time_is_false() -> None:
    begun = time.monotonic()
    assert not until(lambda: False, 0.3)
    assert time.monotonic() - begun >= 0.3


def test_what_may_not_be_waited_for_is_looked_at_once() -> None:
    assert until(lambda: True, 0)
    assert not until(lambda: False, 0)
