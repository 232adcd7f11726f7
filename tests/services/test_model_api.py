"""The client of the model API, against servers that misbehave."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from driftgate.errors import Outage, UserMistake
from driftgate.services import model_api
from driftgate.services.model_api import ModelApi


class Server(ThreadingHTTPServer):
    """Answers requests with a list of (status, body), the last one for ever; remembers what it was asked."""

    answers: list[tuple[int, str]]

    def __init__(self) -> None:
        self.answers = []
        self.asked: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET  # noqa: N815 (the base class names it)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_api, "FIRST_PAUSE", 0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def api(server: Server) -> ModelApi:
    return ModelApi(f"http://127.0.0.1:{server.server_address[1]}", token="secret", timeout=2)


def test_it_sends_token_and_query(server: Server, api: ModelApi) -> None:
    server.answers = [(200, '{"psi": 0.1}')]
    assert api.get("/drift/status", window="24h") == {"psi": 0.1}
    assert server.asked == [("/drift/status?window=24h", "Bearer secret")]


def test_a_server_error_is_tried_again(server: Server, api: ModelApi) -> None:
    server.answers = [(503, '{"detail": "loading"}'), (502, "<html>"), (200, "[]")]
    assert api.get("/x") == []
    assert len(server.asked) == 3


def test_an_error_that_stays_is_an_outage_with_the_servers_own_words(server: Server, api: ModelApi) -> None:
    server.answers = [(503, '{"detail": "no model is in production"}')]
    with pytest.raises(Outage, match=r"does not answer GET .*/x: 503 no model is in production \(4 tries\)"):
        api.get("/x")


def test_an_answer_that_cannot_be_taken_in_is_told_and_no_crash(server: Server, api: ModelApi) -> None:
    for status in (200, 400):
        server.answers = [(status, "[" * 100_000)]
        with pytest.raises(UserMistake):
            api.get("/x")


def test_a_dead_server_is_an_outage_with_its_address() -> None:
    with pytest.raises(Outage, match=r"does not answer POST http://127\.0\.0\.1:9/reload: ConnectionError"):
        ModelApi("http://127.0.0.1:9").post("/reload", {})


def test_a_refused_token_says_where_it_belongs(server: Server, api: ModelApi) -> None:
    server.answers = [(401, "{}")]
    with pytest.raises(UserMistake, match="put DRIFTGATE_API_TOKEN's value into the password"):
        api.post("/reload", {})
    assert len(server.asked) == 1


def test_a_refusal_is_not_tried_again(server: Server, api: ModelApi) -> None:
    server.answers = [(409, '{"detail": "alias names version 2"}')]
    with pytest.raises(UserMistake, match="409 alias names version 2"):
        api.post("/reload", {"version": "3"})
    assert len(server.asked) == 1


def test_an_answer_that_is_not_json_is_shown(server: Server, api: ModelApi) -> None:
    server.answers = [(200, "<html>hello</html>")]
    with pytest.raises(UserMistake, match="did not answer in JSON: '<html>hello</html>'"):
        api.get("/x")


@pytest.mark.parametrize(
    ("status", "body", "served"),
    [
        (200, '{"model": {"name": "m", "version": "7"}}', ("m", "7")),
        (503, '{"model": {"name": "m", "version": "7"}}', (None, None)),
        (200, "nonsense", (None, None)),
        (200, '{"model": null}', (None, None)),
        (200, "[]", (None, None)),
    ],
)
def test_nothing_is_served_unless_it_is_plainly_told(
    server: Server, api: ModelApi, status: int, body: str, served: tuple[str | None, str | None]
) -> None:
    server.answers = [(status, body)]
    assert api.served() == served


def test_a_token_that_http_cannot_carry_is_refused_at_once() -> None:
    with pytest.raises(UserMistake, match="other characters than ASCII"):
        ModelApi("http://127.0.0.1:9", token="gehëim")


def test_an_answer_that_drips_is_given_up_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            for _ in range(60):
                handler.wfile.write(b" ")
                time.sleep(0.1)

    monkeypatch.setattr(Handler, "do_GET", drip)
    started = time.monotonic()
    with pytest.raises(Outage, match=r"did not answer GET .*/x in 1 s"):
        ModelApi(f"http://127.0.0.1:{server.server_address[1]}", timeout=1).get("/x")
    assert time.monotonic() - started < 4


def test_an_answer_without_end_is_not_read_to_it(
    server: Server, api: ModelApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_api, "_LARGEST", 1 << 20)
    server.answers = [(200, " " * (3 << 20))]
    with pytest.raises(UserMistake, match="answers with more than 1 MiB"):
        api.get("/x")
