"""A real HTTP server on loopback that takes alerts, and can be as dead as servers get."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posted:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Sink:
    """Keeps what is posted; answers 200, but for paths below /<status>, /hang and /trickle."""

    posted: list[Posted] = field(default_factory=list)
    drift: dict[str, Any] = field(default_factory=dict)  # what GET /drift/status answers
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Any]:
        """The bodies posted to ``path``."""
        return [posted.body for posted in self.posted if posted.path == path]

    def __enter__(self) -> Sink:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"sink": self}))
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    sink: Sink

    def do_GET(self) -> None:
        self._answer(200, json.dumps(self.sink.drift).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.sink.posted.append(Posted(self.path, dict(self.headers), body))
        first = self.path.split("/")[1]
        if first == "hang":
            self.sink.ended.wait(20)
        elif first == "trickle":
            self._trickle()
        else:
            self._answer(int(first) if first.isdigit() else 200, f"no_service {self.path}".encode())

    def _trickle(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for number in range(200):
            if self.sink.ended.is_set():
                return
            self.wfile.write(f"X-{number}: 1\r\n".encode())
            time.sleep(0.1)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
