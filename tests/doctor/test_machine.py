"""Versions, clocks and disks, judged."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

import pytest

from driftgate.doctor import machine


def test_packages_that_are_not_as_wanted_are_named() -> None:
    text = f"pyyaml=={version('pyyaml')}\njsonschema==0.0.1\nnot-installed-here==1.0\n"

    assert machine.differing(text) == [f"jsonschema {version('jsonschema')} (0.0.1)"]


def test_one_of_several_versions_is_enough() -> None:
    text = f"pyyaml==0.1 ; python_full_version < '3.0'\npyyaml=={version('pyyaml')} ; python_full_version >= '3.0'\n"

    assert machine.differing(text) == []


@pytest.mark.parametrize(("seconds", "status"), [(0.4, "ok"), (-4, "warning"), (11, "failed"), (-3600, "failed")])
def test_a_clock_is_judged_by_what_tokens_allow(seconds: float, status: str) -> None:
    (finding,) = machine.clocks({"MLflow": timedelta(seconds=seconds)})

    assert finding.status == status


def test_a_disk_is_looked_at_once() -> None:
    assert len({finding.seen for finding in machine.disks()}) == len(list(machine.disks()))
