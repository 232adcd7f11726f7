"""``driftgate serve``: the model API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftgate.cli.arguments import argument, whole_number

if TYPE_CHECKING:
    import socket
    from argparse import Namespace

DESCRIPTION = """\
Serve the model that MLflow's alias production names.

Reads DRIFTGATE_API_TOKEN and MLFLOW_TRACKING_URI (both required), DRIFTGATE_HOME, DRIFTGATE_DATABASE_URL,
DRIFTGATE_MODEL_NAME, DRIFTGATE_API_PROTECT, DRIFTGATE_DRIFT_WINDOW, DRIFTGATE_KEEP, DRIFTGATE_POLL,
DRIFTGATE_MAX_ROWS and DRIFTGATE_MAX_BODY_MB from the environment; docs/serving.md tells of each.
"""
EPILOG = "Example: driftgate serve --host 0.0.0.0 --port 8000"
ARGUMENTS = (
    argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in"),
    argument("--port", type=whole_number(0, 65535), default=8000, help="port to listen on (default 8000)"),
)


def run(args: Namespace) -> int:
    """Serve until the process is told to end."""
    serve(host=args.host, port=args.port)
    return 0


def serve(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the model API on ``host`` and ``port``."""
    import logging

    import uvicorn

    from driftgate.serving.app import create_app
    from driftgate.serving.settings import load_settings

    app = create_app(load_settings())
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:     %(message)s")
    logging.getLogger("driftgate").setLevel(logging.INFO)
    with _listen(host, port) as listener:
        config = uvicorn.Config(app, access_log=False, log_level="info")
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Bind before the server starts, so that a port in use is one clear line."""
    import socket

    from driftgate.errors import UserMistake

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).split(" (")[0]  # Python repeats the address in brackets
        raise UserMistake(f"Cannot listen on {host}:{port}: {reason}. Choose another with --port.") from error
