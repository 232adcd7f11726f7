"""What an alert says, as the mail that carries it."""

from __future__ import annotations

from html import escape


def render_html(message: str, link: str) -> str:
    """Return a plain HTML mail: the message's paragraphs, and a link to the run in Airflow."""
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in message.splitlines() if line.strip())
    return f'{paragraphs}<p><a href="{escape(link, quote=True)}">Open the run in Airflow</a></p>'
