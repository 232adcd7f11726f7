"""What an alert says: one record, and its forms for mail, Slack and machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import Any

from driftgate.services.drift import severity

TOP_FEATURES = 5
LONGEST = 10_000  # characters of a message; what a mail or a chat can bear

Locate = Callable[..., str]


@dataclass(frozen=True)
class Threshold:
    """A number of the pipeline that decided something, and where it is written (``file:line:column``)."""

    name: str
    value: float
    where: str


@dataclass(frozen=True)
class Alert:
    """One thing that people should know."""

    id: str  # the same for the same news: who gets it twice can tell
    event: str  # drift, refused, waiting, failure, retry, success, recovery or channel
    subject: str
    message: str  # plain text
    pipeline: str
    run: str
    task: str
    time: str  # ISO 8601, UTC
    severity: str = ""
    drift: Mapping[str, Any] = field(default_factory=dict)  # as driftgate.services.drift.Drift.to_json gives it
    thresholds: tuple[Threshold, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)  # what is behind it → URL
    where: str = ""  # the task in the pipeline's file
    undelivered: Mapping[str, str] = field(default_factory=dict)  # channel → why it did not take this alert

    def without(self, undelivered: Mapping[str, str]) -> Alert:
        """Return the alert as told where it arrived: with the channels on which it did not."""
        return replace(self, undelivered=dict(undelivered))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The numbers against their thresholds, for people: label and value."""
        return [*_measured(self.drift, self.thresholds), *_bands(self), *_features(self.drift, self.thresholds)]

    @property
    def notes(self) -> list[str]:
        """What went wrong in telling it."""
        return [f"The channel {name} did not take this alert: {why}" for name, why in self.undelivered.items()]


def thresholds(psi: Mapping[str, Any] | None, locate: Locate) -> tuple[Threshold, ...]:
    """Return the bands and the least number of samples of a ``psi`` section, each with its place."""
    names = ("minor", "moderate", "critical", "min_samples")
    return tuple(Threshold(f"psi.{name}", psi[name], locate("psi", name)) for name in names if psi and name in psi)


def _measured(drift: Mapping[str, Any], limits: tuple[Threshold, ...]) -> list[tuple[str, str]]:
    found = [("PSI", _number(drift["psi"]))] if drift.get("psi") is not None else []
    if drift.get("samples") is not None:
        least = "".join(f", at least {_number(t.value)} ({t.where})" for t in limits if t.name == "psi.min_samples")
        found.append(("Predictions", f"{drift['samples']}{least}"))
    if drift.get("version"):
        found.append(("Model", f"{drift['model']} version {drift['version']}"))
    if window := drift.get("window"):
        found.append(("Window", f"{window.get('start', '?')} to {window.get('end', '?')}"))
    if drift.get("since"):
        found.append((f"{str(drift['severity']).capitalize()} since", str(drift["since"])))
    return found


def _bands(alert: Alert) -> list[tuple[str, str]]:
    limit = {threshold.name.removeprefix("psi."): threshold for threshold in alert.thresholds}
    if not alert.drift or not {"minor", "moderate", "critical"} <= limit.keys():
        return []
    minor, moderate, critical = (_number(limit[name].value) for name in ("minor", "moderate", "critical"))
    words = {
        "minor": f"{minor} ≤ PSI < {moderate}",
        "moderate": f"{moderate} ≤ PSI ≤ {critical}",
        "critical": f"PSI > {critical}",
    }
    here = alert.drift.get("severity")
    return [
        (f"Band {name}", f"{rule} ({limit[name].where})" + (" ← here" if name == here else ""))
        for name, rule in words.items()
    ]


def _features(drift: Mapping[str, Any], limits: tuple[Threshold, ...]) -> list[tuple[str, str]]:
    bands = {threshold.name.removeprefix("psi."): threshold.value for threshold in limits}
    ranked = sorted(drift.get("features", {}).items(), key=lambda pair: -pair[1])
    if not {"minor", "moderate", "critical"} <= bands.keys():
        return []
    found = [(f"Feature {name}", f"PSI {_number(psi)}, {severity(psi, bands)}") for name, psi in ranked[:TOP_FEATURES]]
    more = len(ranked) - TOP_FEATURES
    return [*found, ("Other features", f"{more} with a smaller PSI")] if more > 0 else found


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_text(alert: Alert) -> str:
    """Return the alert as plain text."""
    parts = [
        _cut(alert.message),
        "\n".join(f"{label}: {value}" for label, value in alert.facts),
        "\n".join(alert.notes),
        "\n".join(f"{_label(name)}: {url}" for name, url in alert.links.items()),
        f"Configured in {alert.where}" if alert.where else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(alert: Alert) -> str:
    """Return the alert as HTML; whatever comes from outside is text in it."""
    cell = '<td style="padding:2px 12px 2px 0;vertical-align:top">'
    rows = "".join(f"<tr>{cell}{escape(label)}</td>{cell}{escape(value)}</td></tr>" for label, value in alert.facts)
    links = " · ".join(f'<a href="{escape(url, quote=True)}">{_label(name)}</a>' for name, url in alert.links.items())
    parts = [
        *(f"<p>{escape(line)}</p>" for line in _cut(alert.message).splitlines() if line.strip()),
        f"<table>{rows}</table>" if rows else "",
        *(f"<p><b>{escape(note)}</b></p>" for note in alert.notes),
        f"<p>{links}</p>" if links else "",
        f"<p>Configured in <code>{escape(alert.where)}</code></p>" if alert.where else "",
    ]
    return f"<!DOCTYPE html><html><body>{''.join(parts)}</body></html>"


def as_slack(alert: Alert) -> dict[str, Any]:
    """Return the body for a Slack webhook; nothing in it can call people or hide a link behind other words."""
    lines = [
        *_cut(alert.message, 1_500).splitlines(),
        "",
        *(f"• {label}: {value}" for label, value in alert.facts),
        *alert.notes,
    ]
    links = " · ".join(f"<{_mrkdwn(url)}|{_label(name)}>" for name, url in alert.links.items())
    where = f"Configured in `{_mrkdwn(alert.where)}`" if alert.where else ""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(alert.subject, 150)}},
        {"type": "section", "text": {"type": "plain_text", "text": _cut("\n".join(lines).strip() or " ", 3_000)}},
    ]
    if below := " · ".join(part for part in (links, where) if part):
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": below}]})
    return {"text": _mrkdwn(_cut(alert.subject, 150)), "blocks": blocks}


def _label(link: str) -> str:
    known = {"answer": "Answer in Airflow", "run": "Run in Airflow", "task": "Task and its log"}
    return known.get(link, escape(link))


def _mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_json(alert: Alert) -> dict[str, Any]:
    """Return the body for a generic webhook, as docs/alerts.md describes it."""
    body = asdict(alert)
    undelivered = [{"channel": name, "reason": why} for name, why in alert.undelivered.items()]
    return {"schema": "driftgate/alert/v1", **body, "text": as_text(alert), "undelivered": undelivered}


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
