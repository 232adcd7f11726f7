"""A reverse proxy on loopback that makes the server behind it fail now and then."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

_OF_ONE_HOP = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class Flaky:
    """Stands before the server at ``port``: each ``every``-th request fails.

    ``refuse``: it is answered with 500 and goes no further. ``lose``: it is carried out, and its answer gets lost.
    """

    behind: int
    every: int
    how: Literal["refuse", "lose"]
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Flaky:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"flaky": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    flaky: Flaky

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._pass_on
        raise AttributeError(name)

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fails = next(self.flaky.numbers) % self.flaky.every == 0
        if fails and self.flaky.how == "refuse":
            self._answer(500, [("Content-Type", "application/json")], b'{"error_code": "INTERNAL_ERROR"}')
            return
        answer, content = self._ask(body)
        if fails:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP]
        self._answer(answer.status, kept, content)

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.flaky.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
