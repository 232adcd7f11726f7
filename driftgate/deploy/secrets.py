"""Make the secrets of a deployment, once, in a volume; each service can read its own folder and no other.

Run as root by the service ``secrets`` before all others, and again at every start, which changes nothing. The
folder ``init`` holds what is random; all other files are made from it, so removing one file there and running this
again gives that secret a new value everywhere.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

FOLDER = Path("/run/driftgate")
POSTGRES = Path("/run/postgres-secret/password")

# The user that each service runs as. Only root reads init.
OWNERS = {"init": 0, "airflow": 50000, "mlflow": 50001, "model-api": 50002, "redis": 50003, "worker": 50004}

Files = dict[str, str]  # path below the folder → content


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _token() -> str:
    return secrets.token_urlsafe(32)


RANDOM: dict[str, Callable[[], str]] = {
    "api-token": _token,
    "database-admin": _token,
    "database-airflow": _token,
    "database-mlflow": _token,
    "database-model-api": _token,
    "fernet-key": _fernet_key,
    "jwt-secret": _token,
    "mlflow-admin": _token,
    "mlflow-model-api": _token,
    "mlflow-pipelines": _token,
    "mlflow-session": _token,
    "redis": _token,
    "session-secret": _token,
}


def make(folder: Path = FOLDER, *, give: Callable[[Path, int], None] | None = None) -> list[str]:
    """Make what is missing in ``folder``; returns the names of the secrets that are new.

    ``give(path, uid)`` hands a path to its owner; the default is chown to that user and group 0.
    """
    give = give or (lambda path, uid: os.chown(path, uid, 0))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name, uid in OWNERS.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o700)
        give(folder / name, uid)
    new = [name for name in RANDOM if not (folder / "init" / name).exists()]
    for name in new:
        _write(folder / "init" / name, RANDOM[name](), 0, give)
    for path, content in rendered({name: read(folder, name) for name in RANDOM}).items():
        _write(folder / path, content, OWNERS[path.split("/")[0]], give)
    return new


def read(folder: Path, name: str) -> str:
    """Return one of the random secrets."""
    return (folder / "init" / name).read_text(encoding="ascii").strip()


def rendered(values: dict[str, str]) -> Files:
    """Return every file that a service reads, made from the random ``values``.

    Files in capitals become environment variables of the service (``deploy/with-secrets``).
    """
    airflow = f"airflow:{values['database-airflow']}@postgres:5432/airflow"
    redis = f"redis://:{values['redis']}@redis:6379"
    # psycopg2: MLflow compares numbers with text in places, which psycopg 3 lets PostgreSQL refuse.
    mlflow = f"postgresql+psycopg2://mlflow:{values['database-mlflow']}@postgres:5432"
    return {
        "airflow/sql_alchemy_conn": f"postgresql+psycopg2://{airflow}",
        "airflow/broker_url": f"{redis}/0",
        "airflow/result_backend": f"{redis}/1",
        "airflow/fernet_key": values["fernet-key"],
        "airflow/jwt_secret": values["jwt-secret"],
        "airflow/session_secret": values["session-secret"],
        "mlflow/MLFLOW_BACKEND_STORE_URI": f"{mlflow}/mlflow",
        "mlflow/MLFLOW_AUTH_ADMIN_PASSWORD": values["mlflow-admin"],
        "mlflow/MLFLOW_FLASK_SERVER_SECRET_KEY": values["mlflow-session"],
        "mlflow/basic_auth.ini": _basic_auth(f"{mlflow}/mlflow_auth"),
        "model-api/DRIFTGATE_API_TOKEN": values["api-token"],
        "model-api/DRIFTGATE_DATABASE_URL": (
            f"postgresql+psycopg://model_api:{values['database-model-api']}@postgres:5432/model_api"
        ),
        "model-api/MLFLOW_TRACKING_USERNAME": "model-api",
        "model-api/MLFLOW_TRACKING_PASSWORD": values["mlflow-model-api"],
        "worker/broker_url": f"{redis}/0",
        "worker/result_backend": f"{redis}/1",
        "redis/redis.conf": f"requirepass {values['redis']}\n",
    }


def _basic_auth(database: str) -> str:
    """MLflow's settings for accounts: everyone who has one may read, and change what they created."""
    return (
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = {database}\n"
        "admin_username = admin\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )


def _write(path: Path, content: str, uid: int, give: Callable[[Path, int], None]) -> None:
    """Write a file that only its owner reads, whole or not at all, and only when it changes."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
        file.write(content)
    give(draft, uid)
    os.replace(draft, path)


def hand_to_postgres(folder: Path = FOLDER, path: Path = POSTGRES) -> None:
    """Put PostgreSQL's own password where it alone can see it, whichever user its image runs as."""
    path.write_text(read(folder, "database-admin"), encoding="ascii")
    path.chmod(0o444)


if __name__ == "__main__":
    made = make()
    hand_to_postgres()
    print(f"Made {len(made)} secrets: {', '.join(made)}" if made else "All secrets are there")
