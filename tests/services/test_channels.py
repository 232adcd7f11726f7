"""How an alert gets there, over real HTTP: what goes wrong is told without secrets and in bounded time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port
from support.sink import Sink

from driftgate.errors import Outage
from driftgate.services.channels import Hook, slack_url
from driftgate.services.patience import within

SECRET = "T0SECRET/B0SECRET/xyzSECRET"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def hook(sink: Sink, path: str) -> Hook:
    return Hook(f"http://127.0.0.1:{sink.port}{path}", {"X-Team": "ml", "Authorization": "Bearer SECRET-TOKEN"})


def failure(hook: Hook, timeout: float = 0.5) -> str:
    with pytest.raises(Outage) as caught:
        within(timeout, lambda: hook.post({"a": 1}, timeout))
    return str(caught.value)


def test_a_body_arrives_with_its_headers(sink: Sink) -> None:
    hook(sink, "/alerts?x=1").post({"a": 1}, 5)
    (posted,) = sink.posted
    assert (posted.path, posted.body) == ("/alerts?x=1", {"a": 1})
    assert posted.headers["X-Team"] == "ml"
    assert posted.headers["Content-Type"] == "application/json"


def test_a_login_is_sent_and_no_password_is_taken_from_netrc(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    Hook(f"http://127.0.0.1:{sink.port}/a", {}, ("user", "pass")).post({}, 5)
    hook(sink, "/b").post({}, 5)
    assert [posted.headers["Authorization"] for posted in sink.posted] == ["Basic dXNlcjpwYXNz", "Bearer SECRET-TOKEN"]


def test_a_server_that_answers_500_is_told_and_the_secret_in_its_answer_is_not(sink: Sink) -> None:
    assert failure(hook(sink, f"/500/{SECRET}")) == "it answered 500 no_service /***"


def test_a_redirect_is_not_followed_with_secrets(sink: Sink) -> None:
    assert failure(hook(sink, "/302")).startswith("it answered 302")
    assert [posted.path for posted in sink.posted] == ["/302"]


@pytest.mark.parametrize("path", ["/hang", "/trickle"])
def test_a_server_that_hangs_is_given_up_in_time(sink: Sink, path: str) -> None:
    begun = time.monotonic()
    assert failure(hook(sink, f"{path}/{SECRET}")) == "no answer within 0.5 s"
    assert time.monotonic() - begun < 3


def test_nobody_there_and_nonsense_for_an_address_are_told_without_the_address() -> None:
    assert failure(Hook(f"http://127.0.0.1:{free_port()}/{SECRET}")) == "it cannot be reached (ConnectionError)"
    assert failure(Hook(f"nonsense/{SECRET}")) == "it cannot be reached (MissingSchema)"
    assert failure(Hook("http://127.0.0.1:99999/" + SECRET)).startswith("it cannot be reached (")


def test_a_hook_shows_nothing_of_itself() -> None:
    shown = repr(Hook(f"https://hooks.slack.com/services/{SECRET}", {"Authorization": SECRET}, ("u", SECRET)))
    assert "SECRET" not in shown


@pytest.mark.parametrize(
    ("base", "password"),
    [
        ("", f"https://hooks.slack.com/services/{SECRET}"),
        ("", f"/{SECRET}"),
        ("https://hooks.slack.com/services", SECRET),
        ("https://hooks.slack.com/services/", SECRET),
    ],
)
def test_the_url_of_a_slack_webhook_may_be_kept_as_airflow_keeps_it(base: str, password: str) -> None:
    assert slack_url(base, password) == f"https://hooks.slack.com/services/{SECRET}"
