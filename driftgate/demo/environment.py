"""Where the demo lives, which ports it has, and the environment its processes share."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from driftgate.errors import UserMistake

REPOSITORY = Path(__file__).resolve().parents[2]

# Everything that a demo keeps, and so all that cleaning may remove.
KEPT = (
    "airflow",
    "data/training.parquet",
    "logs",
    "mail",
    "mlflow-artifacts",
    "mlflow.db",
    "model-api.db",
    "state",
    "driftgate-demo.json",
)
STATE_FILE = "driftgate-demo.json"  # its presence says that the folder is a demo's

# A demo lives by its own settings alone; what the caller has set for an Airflow of theirs must not reach it.
OWN_PREFIXES = ("AIRFLOW", "DRIFTGATE_", "MLFLOW_")
INHERITED = ("DRIFTGATE_CONFIG_DIR", "DRIFTGATE_ENV")


@dataclass(frozen=True)
class State:
    """What one demo is made of; kept in a file so that a second start and ``driftgate env`` find it."""

    home: str
    port_offset: int
    api_token: str
    jwt_secret: str
    fernet_key: str
    session_secret: str

    @property
    def path(self) -> Path:
        """The demo's folder."""
        return Path(self.home)

    def port(self, name: str) -> int:
        """The port of ``airflow``, ``api``, ``mlflow`` or ``smtp``."""
        return {"airflow": 8080, "api": 8000, "mlflow": 5000, "smtp": 1025}[name] + self.port_offset

    def url(self, name: str) -> str:
        """The base URL of a service, without a trailing slash."""
        return f"http://127.0.0.1:{self.port(name)}"


def home() -> Path:
    """The folder of all state: DRIFTGATE_HOME, or ``.driftgate`` in the repository."""
    return Path(os.environ.get("DRIFTGATE_HOME") or REPOSITORY / ".driftgate").resolve()


def load_state() -> State:
    """Return the state of the demo that ran here; UserMistake when none did."""
    try:
        return State(**json.loads((home() / STATE_FILE).read_text()))
    except FileNotFoundError:
        raise UserMistake(f"no demo has run in {home()}; start one: make demo") from None
    except (ValueError, TypeError) as error:
        raise UserMistake(f"{home() / STATE_FILE} is damaged ({error}); start afresh: make clean-demo") from None


def make_state(port_offset: int) -> State:
    """Return the state kept from an earlier start, with the ports of this one; new secrets the first time.

    Raises UserMistake when the folder holds something else, or cannot be written.
    """
    folder = home()
    known = (folder / STATE_FILE).exists()
    if not known and folder.exists() and any(folder.iterdir()):
        raise UserMistake(f"{folder} holds something else than a demo; point DRIFTGATE_HOME to a folder of its own")
    kept = asdict(load_state()) if known else _new_secrets()
    state = State(**{**kept, "home": str(folder), "port_offset": port_offset})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_private(folder / STATE_FILE, json.dumps(asdict(state), indent=2))
    except OSError as error:
        raise UserMistake(f"cannot write to {folder} ({error.strerror}); point DRIFTGATE_HOME elsewhere") from None
    return state


def _new_secrets() -> dict[str, str]:
    return {
        "api_token": secrets.token_urlsafe(32),
        "jwt_secret": secrets.token_urlsafe(32),
        "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "session_secret": secrets.token_urlsafe(32),
    }


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else on the machine may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(draft, path)


def write_passwords(state: State) -> None:
    """Give Airflow's development login the user admin with password admin."""
    path = state.path / "airflow" / "passwords.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_private(path, json.dumps({"admin": "admin"}))


def foreign() -> list[str]:
    """The variables of this process that could lead the demo to an Airflow, MLflow or database of the caller's."""
    return [name for name in os.environ if name.startswith(OWN_PREFIXES) and name not in INHERITED]


def whole_environment(state: State) -> dict[str, str]:
    """Return the environment of the demo's processes: the caller's, without what is foreign, and our own."""
    others = set(foreign())
    return {**{name: value for name, value in os.environ.items() if name not in others}, **environment(state)}


def without_proxy() -> dict[str, str]:
    """Return the variables that keep a company proxy from getting between the demo's own processes."""
    return {
        name: ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get(name, "")]))
        for name in ("NO_PROXY", "no_proxy")
    }


def environment(state: State) -> dict[str, str]:
    """Return the variables that the demo's processes, and a shell beside them, need."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        **without_proxy(),
        **_driftgate(state),
        **_airflow(state),
        **_connections(state),
    }


def _driftgate(state: State) -> dict[str, str]:
    return {
        "DRIFTGATE_HOME": state.home,
        "DRIFTGATE_DATA_DIR": state.home,
        "DRIFTGATE_API_TOKEN": state.api_token,
        "DRIFTGATE_API_URL": state.url("api"),
        "DRIFTGATE_POLL": "30s",  # a promotion that is killed before it tells the API is served all the same
        "MLFLOW_TRACKING_URI": state.url("mlflow"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seconds at start, for features not used here
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",  # dag-factory's old names would be reported into every command's output
    }


def _airflow(state: State) -> dict[str, str]:
    folder = state.path / "airflow"
    bundle = {
        "name": "driftgate",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(REPOSITORY)},
    }
    settings = {
        ("database", "sql_alchemy_conn"): f"sqlite:///{folder}/airflow.db",
        ("logging", "worker_log_server_port"): str(8793 + state.port_offset),
        ("logging", "trigger_log_server_port"): str(8794 + state.port_offset),
        ("core", "load_examples"): "False",
        ("core", "executor"): "LocalExecutor",
        ("core", "parallelism"): "8",
        ("core", "dags_are_paused_at_creation"): "True",  # the story unpauses them once all servers are up
        ("core", "execution_api_server_url"): f"{state.url('airflow')}/execution/",
        ("core", "fernet_key"): state.fernet_key,
        ("core", "simple_auth_manager_users"): "admin:admin",
        ("core", "simple_auth_manager_passwords_file"): str(folder / "passwords.json"),
        ("api", "host"): "127.0.0.1",
        ("api", "port"): str(state.port("airflow")),
        ("api", "base_url"): state.url("airflow"),
        ("api", "secret_key"): state.session_secret,
        ("api_auth", "jwt_secret"): state.jwt_secret,
        ("dag_processor", "dag_bundle_config_list"): json.dumps([bundle]),
        ("dag_processor", "min_file_process_interval"): "5",  # an edited YAML shows within seconds
        ("core", "dagbag_import_error_tracebacks"): "False",  # a broken YAML shows its problems, not our frames
        ("dag_factory", "enable_telemetry"): "False",
        ("scheduler", "scheduler_idle_sleep_time"): "0.3",  # the default of 1 s makes a chain of tasks slow
    }
    return {
        "AIRFLOW_HOME": str(folder),
        **{f"AIRFLOW__{section}__{key}".upper(): value for (section, key), value in settings.items()},
    }


def _connections(state: State) -> dict[str, str]:
    mail = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": state.port("smtp"),
        "extra": {"disable_ssl": True, "disable_tls": True, "timeout": 10, "retry_limit": 1},
    }
    return {
        "AIRFLOW_CONN_MODEL_API": f"http://:{state.api_token}@127.0.0.1:{state.port('api')}",
        "AIRFLOW_CONN_MLFLOW_DEFAULT": state.url("mlflow"),
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail),
    }
