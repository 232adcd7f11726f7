from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from driftgate.errors import UserMistake
from driftgate.services import story
from driftgate.services.ledger import Decision, Entry, Ledger

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)


class Book:
    """Pipelines of one test, in the ledger of all."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.mark = uuid.uuid4().hex[:8]
        self.minutes = 0

    def pipeline(self, name: str) -> str:
        return f"{name}_{self.mark}"

    def note(self, name: str, run: str, kind: str, outcome: str, *, cause: str = "", at: datetime = AT) -> None:
        self.minutes += 1
        decision = Decision(kind, outcome, f"{kind} is {outcome}")
        time = at + timedelta(minutes=self.minutes)
        cause = f"{self.pipeline('drift')}/{cause}" if cause else ""
        self.ledger.write(Entry(decision, time, self.pipeline(name), run, kind, cause))

    def told(self, chapters: story.Story) -> list[tuple[str, list[str]]]:
        return [
            (chapter.run.replace(f"_{self.mark}", ""), [entry.decision.outcome for entry in chapter.entries])
            for chapter in chapters
        ]


@pytest.fixture
def book(mlflow_server: str) -> Book:
    book = Book(Ledger(mlflow_server))
    book.note("drift", "8h", "drift", "none")
    book.note("drift", "9h", "drift", "critical")
    book.note("drift", "9h", "guard", "started")
    book.note("training", "a", "gate", "passed", cause="9h")
    book.note("training", "a", "service", "served", cause="9h")
    book.note("drift", "10h", "drift", "none")
    return book


WHOLE = [("drift/9h", ["critical", "started"]), ("training/a", ["passed", "served"])]


def test_a_run_is_told_with_what_led_to_it(book: Book) -> None:
    assert book.told(story.of_run(book.ledger, book.pipeline("training"), "a")) == WHOLE


def test_a_run_is_told_with_what_it_led_to(book: Book) -> None:
    assert book.told(story.of_run(book.ledger, book.pipeline("drift"), "9h")) == WHOLE


def test_the_latest_is_the_newest_decision_of_a_pipeline_or_kind(book: Book) -> None:
    drift = book.pipeline("drift")

    assert book.told(story.latest(book.ledger, drift)) == [("drift/10h", ["none"])]
    assert book.told(story.latest(book.ledger, drift, "guard")) == WHOLE


def test_the_latest_may_be_one_that_came_out_so(book: Book) -> None:
    drift = book.pipeline("drift")
    book.note("drift", "11h", "guard", "refused")

    assert book.told(story.latest(book.ledger, drift, "guard")) == [("drift/11h", ["refused"])]
    assert book.told(story.latest(book.ledger, drift, "guard", "started")) == WHOLE
    with pytest.raises(UserMistake, match=r"there is no decision lost about guard of drift_.* in the ledger yet"):
        story.latest(book.ledger, drift, "guard", "lost")


def test_what_put_a_model_into_production_may_be_a_rollback(book: Book) -> None:
    training = book.pipeline("training")
    book.note("training", "b", "promotion", "promoted")
    assert book.told(story.latest(book.ledger, training, "promotion")) == [("training/b", ["promoted"])]
    book.note("training", "c", "rollback", "rolled back")
    book.note("training", "d", "promotion", "failed")

    assert book.told(story.latest(book.ledger, training, "promotion")) == [("training/c", ["rolled back"])]


def test_a_day_is_told_without_the_runs_that_found_nothing_to_do(book: Book) -> None:
    day = AT.replace(hour=0)

    told, quiet = story.of_day(book.ledger, day, book.pipeline("drift"))

    assert (book.told(told), quiet) == ([("drift/9h", ["critical", "started"])], 2)
    assert story.of_day(book.ledger, day - timedelta(days=1), book.pipeline("drift")) == ((), 0)


def test_a_run_that_the_ledger_does_not_know_is_a_mistake(book: Book) -> None:
    with pytest.raises(UserMistake, match="knows nothing of run 'nowhere'"):
        story.of_run(book.ledger, "", "nowhere")
    with pytest.raises(UserMistake, match="there is no decision of nobody in the ledger yet"):
        story.latest(book.ledger, "nobody")


def test_an_id_that_several_runs_have_must_be_told_in_full(book: Book) -> None:
    run = f"{book.mark}"
    book.note("one", run, "drift", "none")
    book.note("other", run, "drift", "none")

    with pytest.raises(UserMistake, match=r"say which: one_.*, other_"):
        story.of_run(book.ledger, "", run)


def test_runs_that_name_each_other_as_cause_come_to_an_end(book: Book) -> None:
    book.note("drift", "x", "drift", "critical", cause="y")
    book.note("drift", "y", "drift", "critical", cause="x")

    assert len(story.of_run(book.ledger, book.pipeline("drift"), "x")) == 2
