"""Airflow's part of the preparation: its tables, its first user, the connections that pipelines name.

One process for all of it: Airflow's command line takes seconds to start, each time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

ADMIN = "admin"


def main() -> None:
    """Do it; reads the secrets of the connections as JSON from standard input."""
    values = json.load(sys.stdin)
    _airflow("db", "migrate")
    print(f"✓ {set_admin(os.environ.get('AIRFLOW_ADMIN_PASSWORD', ''))}", flush=True)
    found = connections(values["api-token"], values["mlflow-pipelines"], os.environ)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:  # only its owner can read it
        json.dump(found, file)
        file.flush()
        _airflow("connections", "import", "--overwrite", file.name)
    print(f"✓ connections {', '.join(found)}", flush=True)


def _airflow(*words: str) -> None:
    """Run a command of Airflow's in this process, without what it prints when all goes well."""
    from contextlib import redirect_stdout
    from io import StringIO

    from airflow.cli.cli_parser import get_parser

    told = StringIO()
    try:
        with redirect_stdout(told):
            args = get_parser().parse_args(words)
            args.func(args)
    except BaseException:
        print(told.getvalue(), file=sys.stderr)
        raise


def set_admin(password: str) -> str:
    """Create the user admin, or give it the new ``password``; returns what was done.

    Without a password a new user gets ``admin``, and the one that is there keeps its own.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        security: Any = builder.sm
        user = security.find_user(ADMIN)
        if user is None:
            role = security.find_role("Admin")
            security.add_user(ADMIN, "Admin", "of Driftgate", "admin@example.com", role, password or ADMIN)
            return "user admin was created" + ("" if password else " with password admin: change it")
        if not password:
            return "user admin is there"
        security.reset_password(user.id, password)
        return "user admin has the password in AIRFLOW_ADMIN_PASSWORD"


def connections(api_token: str, mlflow_password: str, environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the connections as ``airflow connections import`` reads them.

    That of the mail server only when SMTP_HOST names one, that of git only with DRIFTGATE_GIT_URL.
    """
    found: dict[str, dict[str, Any]] = {
        "model_api": {"conn_type": "http", "host": "model-api", "port": 8000, "password": api_token},
        "mlflow_default": {
            "conn_type": "http",
            "host": "mlflow",
            "port": 5000,
            "login": "pipelines",
            "password": mlflow_password,
        },
    }
    if environment.get("SMTP_HOST"):
        found["smtp_default"] = _mail(environment)
    if url := environment.get("DRIFTGATE_GIT_URL"):
        login, token = (environment.get(f"DRIFTGATE_GIT_{name}") or None for name in ("USER", "TOKEN"))
        found["driftgate_git"] = {"conn_type": "git", "host": url, "login": login, "password": token}
    return found


def _mail(environment: Mapping[str, str]) -> dict[str, Any]:
    security = environment.get("SMTP_SECURITY") or "starttls"
    extra = {
        "disable_ssl": security != "ssl",
        "disable_tls": security != "starttls",
        "from_email": environment.get("SMTP_MAIL_FROM") or None,
        "timeout": 30,
        "retry_limit": 2,
    }
    return {
        "conn_type": "smtp",
        "host": environment["SMTP_HOST"],
        "port": int(environment.get("SMTP_PORT") or 587),
        "login": environment.get("SMTP_USER") or None,
        "password": environment.get("SMTP_PASSWORD") or None,
        "extra": json.dumps(extra),
    }


if __name__ == "__main__":
    main()
