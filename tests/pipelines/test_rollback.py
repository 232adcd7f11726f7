"""Rollbacks: the version before is back, what was withdrawn stays out, and whatever breaks off is completed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from support.lab import Lab
from support.production import SOON, api, in_service, job, killed_at_every_step, new_version, served_in_turn

from driftgate.errors import NothingToDo, Outage, UserMistake
from driftgate.services import promotion, registry, release, rollback, training, withdrawal
from driftgate.services.registry import Aliases


def test_a_rollback_serves_the_version_before_and_the_withdrawn_one_stays_out(lab: Lab) -> None:
    in_service(lab, "model_retraining/one")
    in_service(lab, "model_retraining/two")
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], done["from"]) == ("1", "2")
    assert (lab.production(), lab.served()) == ("1", "1")
    with pytest.raises(UserMistake, match=r"version 2 of .* was rolled back at .* driftgate rollback .* --to 2"):
        promotion.promote(lab.mlflow, lab.model, "2")
    with pytest.raises(NothingToDo, match=r"version 1 of .* is in production, and served, already"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, "1", SOON)
    with pytest.raises(NothingToDo, match=r"nothing done: version 1 of .* is in production, and version 2 was rolled"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)  # a double click
    assert (lab.production(), lab.served()) == ("1", "1")
    withdrawn = {"model": lab.model, "version": "2", "before": {"production": "1", "previous": None}}
    with pytest.raises(UserMistake, match="was rolled back"):  # restart_api_service of its run, cleared
        release.bring_into_service(lab.mlflow, api(lab), withdrawn, SOON)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, "2", SOON)  # back again, on purpose
    assert (lab.production(), lab.served()) == ("2", "2")
    promotion.promote(lab.mlflow, lab.model, "2")


def test_a_promotion_that_overtakes_a_rollback_leaves_nothing_withdrawn(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_in_turn(lab, 2)
    third = new_version(lab, "r/3")
    bring = release.bring_into_service

    def overtaken(*arguments: Any) -> dict[str, Any]:
        promotion.promote(lab.mlflow, lab.model, third)
        return bring(*arguments)

    monkeypatch.setattr(rollback, "bring_into_service", overtaken)
    with pytest.raises(UserMistake, match=f"version {third} of .* was put into production meanwhile, and goes first"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    monkeypatch.undo()
    monkeypatch.setenv("DRIFTGATE_DATA_DIR", str(lab.folder))
    client = registry.connect(lab.mlflow)
    tags = [version.tags for version in client.search_model_versions(f"name = '{lab.model}'")]
    assert not any(registry.WITHDRAWN_TAG in each for each in tags)
    release.bring_into_service(lab.mlflow, api(lab), promotion.promote(lab.mlflow, lab.model, third), SOON)
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], done["from"], lab.production(), lab.served()) == ("2", "3", "2", "2")


def test_what_is_promoted_while_a_rollback_waits_for_the_api_is_not_withdrawn(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_in_turn(lab, 2)
    third = new_version(lab, "r/3")
    wait = release._wait_for

    def overtaken(*arguments: Any) -> None:
        wait(*arguments)
        promotion.promote(lab.mlflow, lab.model, third)  # its own restart_api_service comes later

    monkeypatch.setattr(release, "_wait_for", overtaken)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    monkeypatch.setattr(release, "_wait_for", wait)
    promoted = promotion.promote(lab.mlflow, lab.model, third)
    release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert (lab.production(), lab.served()) == (third, third)
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], done["from"]) == ("1", third), "version 2 was rolled back"


def test_a_promotion_that_fails_after_a_rollback_brings_nothing_withdrawn_back(lab: Lab) -> None:
    served_in_turn(lab, 2)
    third = new_version(lab, "r/3")
    promoted = {"model": lab.model, "version": third, "before": {"production": "2", "previous": "1"}}
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    client = registry.connect(lab.mlflow)
    registry.set_aliases(client, lab.model, Aliases(third, "2"))  # it had noted its way back before
    lab.stop_api()
    with pytest.raises(Outage, match="version 1 stays in production"):
        release.bring_into_service(lab.mlflow, api(lab), promoted, timedelta(seconds=1))
    assert registry.aliases(client, lab.model) == Aliases(production="1", previous=None)


def begun(lab: Lab, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a rollback that was killed before any alias moved."""

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "bring_into_service", killed)
        patch.setattr(withdrawal.Withdrawal, "undo", lambda withdrawal: "")
        with pytest.raises(SystemExit):
            rollback.roll_back(lab.mlflow, api(lab), lab.model, to, SOON)
    assert withdrawal.begun(registry.connect(lab.mlflow), lab.model)


def withdrawn(lab: Lab) -> set[str]:
    found = registry.connect(lab.mlflow).search_model_versions(f"name = '{lab.model}'")
    return {version.version for version in found if registry.WITHDRAWN_TAG in version.tags}


def test_a_rollback_to_another_version_waits_until_the_one_under_way_has_ended(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_in_turn(lab, 4)
    client = registry.connect(lab.mlflow)
    bring = rollback.bring_into_service

    def slowly(*given: Any) -> dict[str, Any]:
        time.sleep(2)
        return bring(*given)

    with monkeypatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setattr(rollback, "bring_into_service", slowly)
        first = pool.submit(rollback.roll_back, lab.mlflow, api(lab), lab.model, "3", SOON)
        lab.wait(lambda: withdrawal.begun(client, lab.model) is not None)
        second = rollback.roll_back(lab.mlflow, api(lab), lab.model, "2", SOON)
    assert first.result()["from"] == "4"
    assert (second["from"], lab.production(), lab.served()) == ("3", "2", "2")
    assert withdrawn(lab) == {"3", "4"}


def test_a_killed_rollback_that_another_replaces_leaves_nothing_behind(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "SETTLED_SECONDS", 0)
    served_in_turn(lab, 3)
    client = registry.connect(lab.mlflow)
    before = registry.aliases(client, lab.model)
    begun(lab, "1", monkeypatch)
    assert withdrawn(lab) == {"2", "3"}
    with pytest.raises(NothingToDo, match=r"version 3 of .* is in production, and served, already"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, "3", SOON)
    assert (withdrawn(lab), withdrawal.begun(client, lab.model)) == (set(), None)

    begun(lab, "1", monkeypatch)
    lab.stop_api()
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    with pytest.raises(Outage, match="version 3 stays in production"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, "2", timedelta(seconds=1))
    assert (withdrawn(lab), registry.aliases(client, lab.model)) == (set(), before)


def test_a_completion_that_fails_leaves_what_was_withdrawn_before_withdrawn(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_in_turn(lab, 2)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    begun(lab, "2", monkeypatch)
    assert withdrawn(lab) == set()
    lab.stop_api()
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    with pytest.raises(Outage, match="version 1 stays in production"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, timedelta(seconds=1))
    assert withdrawn(lab) == {"2"}


def test_a_rollback_whose_alias_cannot_be_put_back_is_completed_by_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_in_turn(lab, 2)

    def away(*_: Any) -> None:
        raise Outage("MLflow is away")

    with monkeypatch.context() as patch:
        patch.setattr(release, "_reload", away)
        patch.setattr(release, "_is_to_go", away)  # and is back when the rollback takes its marks away
        with pytest.raises(Outage, match=r"it is not finished: the next rollback of .* takes it up again"):
            rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (lab.production(), lab.served(), withdrawn(lab)) == ("1", "2", {"2"})
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], done["from"], lab.served()) == ("1", "2", "1")


def test_a_killed_rollback_from_a_version_that_is_gone_is_completed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    served_in_turn(lab, 3)
    client = registry.connect(lab.mlflow)
    begun(lab, "2", monkeypatch)
    registry.set_aliases(client, lab.model, Aliases(production="2", previous="3"))
    client.delete_model_version(lab.model, "3")
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (lab.production(), lab.served(), withdrawal.begun(client, lab.model)) == ("2", "2", None)


def test_a_promotion_beside_a_rollback_that_fails_is_tried_again_and_not_skipped(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = in_service(lab, "r/1"), in_service(lab, "r/2")
    client = registry.connect(lab.mlflow)

    def overtaken(*_: Any) -> None:
        begun(lab, "1", monkeypatch)
        registry.set_aliases(client, lab.model, Aliases(production=first["version"], previous="2"))
        raise Outage("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(release, "_reload", overtaken)
        with pytest.raises(Outage, match=r"version 2 of .* is just being rolled back to 1; .* driftgate rollback"):
            release.bring_into_service(lab.mlflow, api(lab), second, SOON)
    with pytest.raises(Outage, match=r"version 2 of .* is just being rolled back to 1; "):
        release.bring_into_service(lab.mlflow, api(lab), second, SOON)
    assert lab.production() == "1", "what becomes of it is up to the rollback"
    plan = withdrawal.begun(client, lab.model)
    assert plan
    registry.set_aliases(client, lab.model, Aliases(production="2", previous="1"))  # the rollback failed
    assert withdrawal.Withdrawal(client, lab.model, plan).undo() == ""
    release.bring_into_service(lab.mlflow, api(lab), second, SOON)
    assert (lab.production(), lab.served()) == ("2", "2")


def test_a_rollback_that_passes_while_a_promotion_is_stalled_is_the_last_word(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_service(lab, "r/1")
    second = in_service(lab, "r/2")
    client = registry.connect(lab.mlflow)
    registry.set_aliases(client, lab.model, Aliases(production="1", previous=None))  # an earlier try took it back
    aliases = registry.set_aliases

    def stalled(*arguments: Any) -> None:
        monkeypatch.setattr(registry, "set_aliases", aliases)
        aliases(client, lab.model, Aliases(production="2", previous="1"))
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
        aliases(*arguments)

    monkeypatch.setattr(registry, "set_aliases", stalled)
    with pytest.raises(UserMistake, match=r"version 1 stays in production: version 2 of .* was rolled back at"):
        release.bring_into_service(lab.mlflow, api(lab), second, SOON)
    assert (lab.production(), lab.served()) == ("1", "1")


def test_a_promotion_waits_for_a_rollback_to_a_newer_version(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    served_in_turn(lab, 1)
    second = new_version(lab, "r/2")
    in_service(lab, "r/3")
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    begun(lab, "3", monkeypatch)
    with pytest.raises(Outage, match=r"version 2 of .* waits for a rollback to 3; .* driftgate rollback"):
        promotion.promote(lab.mlflow, lab.model, second)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert promotion.promote(lab.mlflow, lab.model, second)["superseded_by"] == lab.served() == "3"


def test_going_forward_again_withdraws_nothing(lab: Lab) -> None:
    served_in_turn(lab, 2)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, " 02", SOON)
    assert (lab.production(), lab.served()) == ("2", "2")
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], done["from"], lab.served()) == ("1", "2", "1")


def test_notes_that_somebody_else_wrote_hold_nothing_up(lab: Lab) -> None:
    in_service(lab, "r/1")
    second = new_version(lab, "r/2")
    client = registry.connect(lab.mlflow)
    for key in (promotion.PROMOTING_TAG, registry.BEFORE_TAG):
        client.set_model_version_tag(lab.model, second, key, "2026-01-01T00:00:00")
        client.set_model_version_tag(lab.model, "1", key, "[garbage")
    client.set_registered_model_tag(lab.model, "driftgate.rolling_back", "{}")
    release.bring_into_service(lab.mlflow, api(lab), promotion.promote(lab.mlflow, lab.model, second), SOON)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (lab.production(), lab.served()) == ("1", "1")


def test_after_a_rollback_and_a_promotion_the_way_back_passes_over_what_is_withdrawn(lab: Lab) -> None:
    served_in_turn(lab, 3)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    in_service(lab, "r/4")
    client = registry.connect(lab.mlflow)
    client.set_registered_model_alias(lab.model, "previous", "3")  # as of one who was killed
    done = rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    assert (done["version"], lab.served()) == ("2", "2")


def test_clearing_the_promotion_of_what_is_in_production_changes_nothing(lab: Lab) -> None:
    served_in_turn(lab, 3)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, "2", SOON)
    client = registry.connect(lab.mlflow)
    before = registry.aliases(client, lab.model)
    promotion.promote(lab.mlflow, lab.model, "2")
    assert registry.aliases(client, lab.model) == before == Aliases(production="2", previous="3")


def test_a_rollback_of_a_model_that_is_not_there_names_those_that_are(lab: Lab) -> None:
    in_service(lab, "r/1")
    with pytest.raises(UserMistake, match="there is no model 'nosuch' in MLflow; there is "):
        rollback.roll_back(lab.mlflow, api(lab), "nosuch", None, SOON)
    for wrong in ("99", "", "two", "9" * 30):
        with pytest.raises(UserMistake, match=f"there is no version {wrong} of"):
            rollback.roll_back(lab.mlflow, api(lab), lab.model, wrong, SOON)


def test_a_rollback_over_several_versions_withdraws_them_all(lab: Lab) -> None:
    served_in_turn(lab, 3)
    rollback.roll_back(lab.mlflow, api(lab), lab.model, "1", SOON)
    for version in ("2", "3"):
        with pytest.raises(UserMistake, match=f"version {version} of .* was rolled back"):
            promotion.promote(lab.mlflow, lab.model, version)
    assert (lab.production(), lab.served()) == ("1", "1")


def test_a_version_that_was_never_promoted_is_brought_back_by_force_alone(lab: Lab) -> None:
    in_service(lab, "r/1")
    failed, unproven, rejected = (new_version(lab, run) for run in ("r/2", "r/3", "r/4"))
    client = registry.connect(lab.mlflow)
    client.set_model_version_tag(lab.model, failed, registry.GATES_TAG, "failed")
    client.set_model_version_tag(lab.model, rejected, registry.GATES_TAG, "passed")  # and then somebody said no
    refused = {failed: "failed its gates", unproven: "was never evaluated", rejected: "was never promoted"}
    for version, why in refused.items():
        with pytest.raises(UserMistake, match=f"{why}; .*: driftgate rollback {lab.model} --to {version} --force"):
            rollback.roll_back(lab.mlflow, api(lab), lab.model, version, SOON)
    assert lab.served() == "1"
    rollback.roll_back(lab.mlflow, api(lab), lab.model, unproven, SOON, force=True)
    assert (lab.production(), lab.served()) == (unproven, unproven)


def test_a_rollback_to_what_does_not_exist_or_to_a_dead_api_changes_nothing(lab: Lab) -> None:
    in_service(lab, "model_retraining/one")
    with pytest.raises(UserMistake, match=r"no version of .* is known to go back to; say which: --to VERSION"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
    with pytest.raises(UserMistake, match="99"):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, "99", SOON)
    training.train(job(lab, "model_retraining/two"))
    lab.stop_api()
    with pytest.raises(Outage):
        rollback.roll_back(lab.mlflow, api(lab), lab.model, "2", timedelta(seconds=1), force=True)
    assert lab.production() == "1"
    promotion.promote(lab.mlflow, lab.model, "1")  # which is not withdrawn


def test_a_rollback_killed_at_any_step_is_completed_by_the_next(lab: Lab) -> None:
    first = in_service(lab, "r/1")["version"]
    second = in_service(lab, "r/2")["version"]
    client = registry.connect(lab.mlflow)

    def again() -> None:
        with suppress(NothingToDo):  # of one that was as good as done
            rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
        assert (lab.production(), lab.served()) == (first, first)
        with pytest.raises(UserMistake, match="was rolled back"):
            promotion.promote(lab.mlflow, lab.model, second)
        client.delete_model_version_tag(lab.model, second, registry.WITHDRAWN_TAG)
        registry.set_aliases(client, lab.model, Aliases(production=second, previous=first))
        api(lab).post("/reload", {})

    steps = killed_at_every_step(lab, "back", again)
    assert steps >= 4, "one version withdrawn, two aliases moved, the API told"


def test_a_rollback_that_goes_forward_and_is_killed_at_any_step_is_completed_by_the_next(lab: Lab) -> None:
    first = in_service(lab, "r/1")["version"]
    second = in_service(lab, "r/2")["version"]
    rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)

    client = registry.connect(lab.mlflow)

    def again() -> None:
        if withdrawal.begun(client, lab.model):  # else it was as good as done
            rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
        assert (lab.production(), lab.served()) == (second, second)
        assert registry.aliases(client, lab.model).previous == first
        rollback.roll_back(lab.mlflow, api(lab), lab.model, None, SOON)
        assert (lab.production(), lab.served()) == (first, first)

    steps = killed_at_every_step(lab, f"back-{second}", again)
    assert steps >= 5, "noted, one mark taken away, two aliases moved, the API told"
