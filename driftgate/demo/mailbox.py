"""A mail server that keeps every message as a file: ``python -m driftgate.demo.mailbox PORT FOLDER``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session


class Folder:
    """Writes each mail to ``<time>.eml``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep one message."""
        content = envelope.content or b""
        name = f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{time.monotonic_ns() % 10**6:06d}.eml"
        (self.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return "250 kept"


def main() -> None:
    """Serve until interrupted."""
    controller = Controller(Folder(Path(sys.argv[2])), hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    try:
        asyncio.new_event_loop().run_forever()
    except KeyboardInterrupt:
        controller.stop()


if __name__ == "__main__":
    main()
