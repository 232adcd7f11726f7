"""The operators that come with Airflow, by the names that people know them by."""

from __future__ import annotations

from driftgate.config.words import closest

_PACKAGE = "airflow.providers.standard"
# module of the standard provider → its operators
_MODULES = {
    "operators.bash": ("BashOperator",),
    "operators.branch": ("BaseBranchOperator",),
    "operators.datetime": ("BranchDateTimeOperator",),
    "operators.empty": ("EmptyOperator",),
    "operators.hitl": ("ApprovalOperator", "HITLBranchOperator", "HITLEntryOperator", "HITLOperator"),
    "operators.latest_only": ("LatestOnlyOperator",),
    "operators.python": (
        "BranchExternalPythonOperator",
        "BranchPythonOperator",
        "BranchPythonVirtualenvOperator",
        "ExternalPythonOperator",
        "PythonOperator",
        "PythonVirtualenvOperator",
        "ShortCircuitOperator",
    ),
    "operators.smooth": ("SmoothOperator",),
    "operators.trigger_dagrun": ("TriggerDagRunOperator",),
    "operators.weekday": ("BranchDayOfWeekOperator",),
    "sensors.bash": ("BashSensor",),
    "sensors.date_time": ("DateTimeSensor", "DateTimeSensorAsync"),
    "sensors.external_task": ("ExternalTaskMarker", "ExternalTaskSensor"),
    "sensors.filesystem": ("FileSensor",),
    "sensors.python": ("PythonSensor",),
    "sensors.time": ("TimeSensor", "TimeSensorAsync"),
    "sensors.time_delta": ("TimeDeltaSensor", "TimeDeltaSensorAsync", "WaitSensor"),
    "sensors.weekday": ("DayOfWeekSensor",),
}
OPERATORS = {name: f"{_PACKAGE}.{module}.{name}" for module, names in _MODULES.items() for name in names}

_KINDS = ("Operator", "Sensor")
# What some were called before, or are called in everyday speech.
_ALSO = {"dummy": "EmptyOperator", "noop": "EmptyOperator", "shell": "BashOperator", "sh": "BashOperator"}


def path_of(name: str) -> str | None:
    """Return the dotted path of the operator that ``name`` stands for, ``BashOperator`` or ``bash``; None if none."""
    plain = name.lower().replace("_", "").replace("-", "").removesuffix("operator")
    if plain in _ALSO:
        return OPERATORS[_ALSO[plain]]
    for known, path in OPERATORS.items():
        if plain in {known.lower(), known.lower().removesuffix("operator")}:
            return path
    meant = closest(name, OPERATORS) if name.endswith(_KINDS) or name[:1].isupper() else None
    return OPERATORS[meant] if meant else None
