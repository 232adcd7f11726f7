"""Look at the servers: does each answer, take its token, and agree with the others?"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from driftgate.doctor.finding import Finding, failed, ok, skipped, warning

if TYPE_CHECKING:
    import requests

    from driftgate.doctor.surroundings import Mail, Server

SECONDS = 10
PARTS = {
    "metadatabase": "database",
    "scheduler": "scheduler",
    "dag_processor": "DAG processor",
    "triggerer": "triggerer",
}
NOBODY = "driftgate-doctor: no such model"


@dataclass
class Visits:
    """Talks to servers, and notes how far their clocks are from ours."""

    clocks: dict[str, timedelta] = field(default_factory=dict)

    def call(self, name: str, method: str, url: str, **details: Any) -> requests.Response:
        """Return the answer; raises OSError (requests' errors are) when there is none."""
        import requests

        before = datetime.now(UTC)
        answer = requests.request(method, url, timeout=SECONDS, **details)
        after = datetime.now(UTC)
        if date := answer.headers.get("Date"):
            # The header has whole seconds, cut off: compare with the middle of that second.
            theirs = parsedate_to_datetime(date) + timedelta(seconds=0.5)
            self.clocks[name] = theirs - (before + (after - before) / 2)
        return answer


def airflow(visits: Visits, server: Server) -> Iterator[Finding]:
    """Airflow's API server and what it says of the other components."""
    area = "Airflow"
    try:
        answer = visits.call(area, "GET", f"{server.url}/api/v2/monitor/health")
        report = answer.json()
    except (OSError, ValueError) as error:
        yield failed(area, f"no answer at {server.url} ({type(error).__name__})", _start("airflow-apiserver"))
        return
    if not answer.ok:
        yield failed(area, f"{server.url} answers {answer.status_code}", _look("airflow-apiserver"))
        return
    yield ok(area, f"answers at {server.url}, version {_version(visits, server)}")
    for part, name in PARTS.items():
        status = (report.get(part) or {}).get("status")
        if status == "healthy":
            yield ok(area, f"{name} is healthy")
        elif status is None and part == "triggerer":
            yield warning(area, "no triggerer runs", "start one, if a pipeline has deferrable tasks")
        else:
            service = "postgres" if part == "metadatabase" else f"airflow-{part.replace('_', '-')}"
            yield failed(area, f"{name} is {status or 'absent'}", _start(service))
    yield from _login(visits, server)


def _version(visits: Visits, server: Server) -> str:
    try:
        return str(visits.call("Airflow", "GET", f"{server.url}/api/v2/version").json()["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _login(visits: Visits, server: Server) -> Iterator[Finding]:
    """Whether the first user still has the first password, and what Airflow says of our files."""
    area = "Airflow"
    if _token(visits, server, "admin"):
        yield warning(
            area,
            "user admin has the password admin",
            "set AIRFLOW_ADMIN_PASSWORD in .env, then: docker-compose -f docker-compose-airflow.yml up airflow-init",
        )
    password = server.password or "admin"
    token = _token(visits, server, password)
    if not token:
        if server.password:
            yield failed(area, "refuses user admin with AIRFLOW_ADMIN_PASSWORD", "correct that variable")
        else:
            yield skipped(area, "import errors: not logged in", "set AIRFLOW_ADMIN_PASSWORD to look at them too")
        return
    yield _import_errors(visits, server, token)


def _token(visits: Visits, server: Server, password: str) -> str:
    body = {"username": server.login, "password": password}
    try:
        answer = visits.call("Airflow", "POST", f"{server.url}/auth/token", json=body)
        return str(answer.json()["access_token"]) if answer.ok else ""
    except (OSError, ValueError, KeyError):
        return ""


def _import_errors(visits: Visits, server: Server, token: str) -> Finding:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = visits.call("Airflow", "GET", f"{server.url}/api/v2/importErrors", headers=headers)
        found = [error["filename"] for error in answer.json()["import_errors"]]
    except (OSError, ValueError, KeyError):
        return skipped("Airflow", "import errors: the user admin may not see them")
    if found:
        return failed("Airflow", f"import errors in {', '.join(found)}", "driftgate validate, or Airflow's home page")
    return ok("Airflow", "no import errors")


def mlflow(visits: Visits, server: Server, models: list[str]) -> tuple[list[Finding], dict[str, str]]:
    """MLflow, and for each of ``models`` the version that its alias production names."""
    area = "MLflow"
    auth = (server.login, server.password) if server.login else None
    base = f"{server.url}/api/2.0/mlflow/registered-models"
    try:
        health = visits.call(area, "GET", f"{server.url}/health")
        found = visits.call(area, "GET", f"{base}/search", params={"max_results": "1"}, auth=auth)
    except OSError as error:
        return [failed(area, f"no answer at {server.url} ({type(error).__name__})", _start("mlflow"))], {}
    if not health.ok:
        return [failed(area, f"{server.url}/health answers {health.status_code}", _look("mlflow"))], {}
    if found.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        todo = "correct login and password of the Airflow connection (the compose file: run airflow-init again)"
        return [failed(area, f"{server.url} refuses the account {server.login or '(none)'!r}", todo)], {}
    if not found.ok:
        return [failed(area, f"{server.url} answers {found.status_code}: {found.text[:80]}", _look("mlflow"))], {}
    findings, production = [_mlflow_version(visits, server, auth)], {}
    for model in models:
        query = {"name": model, "alias": "production"}
        answer = visits.call(area, "GET", f"{base}/alias", params=query, auth=auth)
        if answer.ok:
            production[model] = str(answer.json()["model_version"]["version"])
            findings.append(ok(area, f"version {production[model]} of {model} is in production"))
        else:
            todo = "airflow dags trigger model_retraining"
            findings.append(warning(area, f"no version of {model} is in production yet", todo))
    return findings, production


def _mlflow_version(visits: Visits, server: Server, auth: tuple[str, str] | None) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    theirs = visits.call("MLflow", "GET", f"{server.url}/version", auth=auth).text.strip()
    seen = f"answers at {server.url}, version {theirs}" + (f", takes the account {server.login}" if auth else "")
    try:
        ours = version("mlflow")
    except PackageNotFoundError:
        return ok("MLflow", seen)
    if ours.split(".")[:2] == theirs.split(".")[:2]:
        return ok("MLflow", seen)
    return warning("MLflow", f"{seen}, but the client here is {ours}", "bring both to the version in constraints.txt")


def model_api(visits: Visits, server: Server, production: dict[str, str]) -> Iterator[Finding]:
    """The model API: alive, its token, and whether it serves what MLflow's alias names."""
    area = "Model API"
    headers = {"Authorization": f"Bearer {server.password}"} if server.password else {}
    try:
        health = visits.call(area, "GET", f"{server.url}/health")
        # Names no model that exists, so nothing is reloaded: 409 says that the token was right.
        tried = visits.call(area, "POST", f"{server.url}/reload", json={"model": NOBODY}, headers=headers)
        ready = visits.call(area, "GET", f"{server.url}/ready", headers=headers)
    except OSError as error:
        yield failed(area, f"no answer at {server.url} ({type(error).__name__})", _start("model-api"))
        return
    if not health.ok:
        yield failed(area, f"{server.url}/health answers {health.status_code}", _look("model-api"))
        return
    yield ok(area, f"answers at {server.url}")
    if tried.status_code == HTTPStatus.UNAUTHORIZED:
        todo = "put DRIFTGATE_API_TOKEN's value into the password of the Airflow connection"
        yield failed(area, "refuses the token", todo)
    elif tried.status_code == HTTPStatus.CONFLICT:
        yield ok(area, "takes the token")
    else:
        yield skipped(area, f"the token: POST /reload answers {tried.status_code}, so it is not Driftgate's own API")
    yield _served(ready, production)


def _served(ready: requests.Response, production: dict[str, str]) -> Finding:
    area = "Model API"
    try:
        document = ready.json()
        name, version = (str(document["model"][key]) for key in ("name", "version"))
    except (ValueError, KeyError, TypeError):
        detail = document.get("detail", "") if isinstance(document := _json(ready), dict) else ""
        if not production:
            return warning(area, "serves no model yet", "airflow dags trigger model_retraining")
        return failed(area, f"serves no model: {detail}", _look("model-api"))
    wanted = production.get(name)
    if wanted is None or wanted == version:
        return ok(area, f"serves version {version} of {name}" + (", which is in production" if wanted else ""))
    todo = "clear restart_api_service in the last run of model_retraining, or restart the API"
    return failed(area, f"serves version {version} of {name}, but version {wanted} is in production", todo)


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def mail(server: Mail) -> Finding:
    """Log in to the mail server, and send nothing."""
    place = f"{server.host}:{server.port}"
    todo = "correct the connection, or SMTP_… in .env and run airflow-init again"
    try:
        kind = smtplib.SMTP_SSL if server.ssl else smtplib.SMTP
        with kind(server.host, server.port, timeout=SECONDS) as smtp:
            smtp.ehlo()
            if server.starttls:
                smtp.starttls()
            if server.login:
                smtp.login(server.login, server.password)
    except smtplib.SMTPAuthenticationError:
        return failed("Mail", f"{place} refuses the login {server.login!r}", todo)
    except (OSError, smtplib.SMTPException) as error:
        return failed("Mail", f"{place} cannot be used: {error}", todo)
    return ok("Mail", f"{place} answers" + (f" and takes the login {server.login!r}" if server.login else ""))


def _start(service: str) -> str:
    return f"start it, and see its log: docker-compose -f docker-compose-airflow.yml logs --tail 50 {service}"


def _look(service: str) -> str:
    return f"see its log: docker-compose -f docker-compose-airflow.yml logs --tail 50 {service}"
