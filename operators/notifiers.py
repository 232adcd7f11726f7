"""Alert channels as Airflow's own notifiers, for what happens to tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WORDS = {"on_failure": "failed", "on_retry": "failed and will be tried again", "on_success": "succeeded"}
EVENTS = tuple(WORDS)


def notifiers(event: str, names: Iterable[str], channels: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return a notifier for each channel in ``names``; ``event`` is one of EVENTS."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return [
        SmtpNotifier(
            smtp_conn_id=channels[name]["connection"],
            from_email=channels[name]["from"],
            to=list(channels[name]["to"]),
            subject="{{ dag.dag_id }}: {{ ti.task_id }} " + WORDS[event],
            html_content=_BODY % WORDS[event],
        )
        for name in names
    ]


_BODY = """<p>Task <b>{{ ti.task_id | e }}</b> of pipeline <b>{{ dag.dag_id | e }}</b> %s
(run {{ run_id | e }}, try {{ ti.try_number }}).</p>
{%% if exception %%}<pre>{{ exception | string | e }}</pre>{%% endif %%}
<p><a href="{{ ti.log_url | e }}">Open its log in Airflow</a></p>"""
