from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from driftgate.serving.errors import InvalidIdError, InvalidLabelsError
from driftgate.serving.feedback import FeedbackStore, Label
from driftgate.serving.predictionid import CLASS, NEGATIVE, POSITIVE, REGRESSION, Ids, Made
from driftgate.serving.store import CountStore

if TYPE_CHECKING:
    from collections.abc import Iterator

IDS = Ids(b"secret of the tests", "m")
MADE = st.builds(
    Made,
    kind=st.integers(0, 3),
    version=st.integers(0, 2**32 - 1),
    at=st.integers(0, 2**32 - 1),
    score=st.floats(allow_nan=False),
    label=st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
)


@given(MADE)
def test_an_id_tells_what_was_predicted(made: Made) -> None:
    one, other = IDS.make([made, made])
    assert IDS.read(one) == IDS.read(other) == made
    assert one != other
    assert len(one) <= 512


@given(st.text(max_size=80))
def test_what_nobody_made_is_no_id(text: str) -> None:
    with pytest.raises(InvalidIdError):
        IDS.read(text)


def test_an_id_changed_or_of_another_model_is_none() -> None:
    (key,) = IDS.make([Made(POSITIVE, 1, 1000, 0.5, "yes")])
    changed = [key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :] for place in range(len(key))]
    for text in (*changed, key + "=", key[:-4], key + "AAAA"):
        with pytest.raises(InvalidIdError):
            IDS.read(text)
    for stranger in (Ids(b"another secret", "m"), Ids(b"secret of the tests", "n")):
        with pytest.raises(InvalidIdError):
            stranger.read(key)


@pytest.fixture
def feedback(database_url: str) -> Iterator[FeedbackStore]:
    store = CountStore.open(database_url)
    yield FeedbackStore(store.engine, IDS)
    store.close()


def learn(feedback: FeedbackStore, made: list[Made], labels: list[Any]) -> dict[str, float]:
    """Store labels in the reverse order, and return the metrics of version 1."""
    given = [Label(key, label) for key, label in zip(IDS.make(made), labels, strict=True)]
    assert feedback.add(given[::-1], {}, oldest=0) == len(made)
    found, metrics = feedback.performance("m", "1", since=0)
    assert found == len(made)
    return metrics


def test_of_two_classes(feedback: FeedbackStore) -> None:
    shares, truth = [0.9, 0.6, 0.4, 0.2, 0.7], [1, 0, 1, 0, 1]
    made = [Made(POSITIVE if p > 0.5 else NEGATIVE, 1, 100, p, str(int(p > 0.5))) for p in shares]
    assert learn(feedback, made, truth) == {
        "accuracy": pytest.approx(3 / 5),
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "brier": pytest.approx(sum((p - y) ** 2 for p, y in zip(shares, truth, strict=True)) / 5),
        "log_loss": pytest.approx(metrics.log_loss(truth, shares)),
        "roc_auc": pytest.approx(5 / 6),  # of 3 × 2 pairs one is in the wrong order: 0.4 of a 1, 0.6 of a 0
    }


def test_of_two_classes_without_probabilities_or_of_one_alone(feedback: FeedbackStore) -> None:
    found = learn(feedback, [Made(POSITIVE, 1, 100, math.nan, "yes")], ["no"])
    assert found == {"accuracy": 0, "precision": 0, "recall": 0, "f1": 0}


def test_of_many_classes(feedback: FeedbackStore) -> None:
    made = [Made(CLASS, 1, 100, math.nan, label) for label in "abca"]
    assert learn(feedback, made, list("abcb")) == {
        "accuracy": 0.75,
        "f1_macro": pytest.approx(metrics.f1_score(list("abcb"), list("abca"), average="macro")),
    }


def test_of_values(feedback: FeedbackStore) -> None:
    made = [Made(REGRESSION, 1, 100, value, "") for value in (1.0, 5.0)]
    assert learn(feedback, made, [2, 8.0]) == {"mae": 2.0, "rmse": pytest.approx(math.sqrt(5))}


def test_only_the_version_and_the_window_asked_for(feedback: FeedbackStore) -> None:
    made = [Made(REGRESSION, version, at, 0.0, "") for version, at in ((1, 100), (1, 200), (2, 200))]
    feedback.add([Label(key, 1) for key in IDS.make(made)], {}, oldest=0)
    assert feedback.performance("m", "1", since=150)[0] == 1
    assert feedback.performance("m", "3", since=0) == (0, {})


@pytest.mark.parametrize(
    ("made", "label", "message"),
    [
        (Made(REGRESSION, 1, 100, 0.0, ""), "1", "has a label that is not a finite number"),
        (Made(REGRESSION, 1, 100, 0.0, ""), 10**400, "has a label that is not a finite number"),
        (Made(REGRESSION, 1, 100, 0.0, ""), math.nan, "has a label that is not a finite number"),
        (Made(CLASS, 1, 100, 0.0, "a"), "d", "has a label that is no class of the model: a, b"),
        (Made(CLASS, 1, 9, 0.0, "a"), "a", "is older than DRIFTGATE_KEEP: it would be forgotten at once"),
    ],
)
def test_a_wrong_label_stores_nothing(feedback: FeedbackStore, made: Made, label: Any, message: str) -> None:
    good, bad = IDS.make([Made(CLASS, 1, 100, 0.0, "a"), made])
    with pytest.raises(InvalidLabelsError) as caught:
        feedback.add([Label(good, "a"), Label(bad, label)], {"1": ["a", "b"]}, oldest=10)
    assert str(caught.value) == f"Label 1: {bad!r} {message}. Nothing was stored."
    assert feedback.performance("m", "1", 0)[0] == 0


def predictions(api: Any, rows: Any) -> list[str]:
    return [made["id"] for made in api.predict(rows).json()["predictions"]]


def test_labels_come_late_after_a_reload_and_out_of_order(api: Any, model: Any, rows: Any, cancer: Any) -> None:
    ids = predictions(api, rows[:200])
    truth = cancer[1][:200].tolist()
    model.promote("2")
    assert api.reload("2").ok
    labels = dict(zip(ids, truth, strict=True))
    assert api.feedback(dict(reversed(list(labels.items())[50:]))).json() == {"stored": 150}
    assert api.feedback(dict.fromkeys(ids[:50], 0)).json() == {"stored": 50}
    assert api.feedback(dict(list(labels.items())[:50])).json() == {"stored": 50}  # corrected
    assert api.get("/performance").json()["labels"] == 0
    told = api.get("/performance?version=1&window=1h").json()
    assert (told["samples"], told["labels"], told["model"]["version"]) == (200, 200, "1")
    assert told["metrics"]["accuracy"] > 0.9
    assert told["metrics"]["roc_auc"] > 0.9


def test_feedback_needs_the_token_and_ids(steady_api: Any, rows: Any) -> None:
    (key,) = predictions(steady_api, rows[:1])
    assert steady_api.feedback({key: 1}, token="wrong").status_code == 401
    refused = steady_api.feedback({key: 1, "made-up": 0})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"item": 1, "id": "made-up", "message": "is no id of a prediction of this model"}
    ]
    assert (
        steady_api.feedback({key: "maligne"})
        .json()["detail"]
        .endswith("no class of the model: 0, 1. Nothing was stored.")
    )
    assert requests.post(f"{steady_api.url}/feedback", timeout=10).status_code == 401
