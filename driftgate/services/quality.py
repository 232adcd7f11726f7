"""Is the training table fit to learn from? Every failed check is reported, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

Rules = Mapping[str, Any]


def failed_checks(table: pd.DataFrame, rules: Rules) -> list[str]:
    """Return a sentence for each rule of the ``quality`` section that ``table`` breaks; empty when it is fit."""
    import pandera.errors

    try:
        _schema(rules, table).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as failed:
        return [_sentence(error) for error in failed.schema_errors]
    return []


def validate(table: pd.DataFrame, rules: Rules) -> dict[str, int]:
    """Return the table's size; raises UserMistake with all failed checks when it is not fit to learn from."""
    failures = failed_checks(table, rules)
    if failures:
        lines = "\n".join(f"  - {failure}" for failure in failures)
        count = f"{len(failures)} check{'s' if len(failures) > 1 else ''}"
        raise UserMistake(f"the training data failed {count}:\n{lines}")
    return {"rows": len(table), "columns": len(table.columns)}


def _schema(rules: Rules, table: pd.DataFrame) -> pa.DataFrameSchema:
    """The rules as a pandera schema; the sentences of table-wide checks hold this table's figures."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        columns={
            name: pa.Column(checks=_column_checks(column, table.get(name)), nullable=True)
            for name, column in rules.get("columns", {}).items()
        },
        checks=_table_checks(rules, table),
    )


def _table_checks(rules: Rules, table: pd.DataFrame) -> list[pa.Check]:
    checks = []
    if (least := rules.get("min_rows")) is not None:
        checks.append(_fact(len(table) >= least, f"{len(table)} rows, at least {least} needed"))
    if (most := rules.get("max_duplicate_share")) is not None:
        share = float(table.duplicated().mean()) if len(table) else 0.0
        checks.append(_fact(share <= most, f"{share:.1%} of the rows are duplicates, at most {most:.1%} allowed"))
    if (most := rules.get("max_missing_share")) is not None:
        # A column with a limit of its own is judged by that one.
        own = [name for name, column in rules.get("columns", {}).items() if "max_missing_share" in column]
        shares = table.drop(columns=own, errors="ignore").isna().mean()
        checks += [
            _fact(False, f"{name}: {share:.1%} of the values are missing, at most {most:.1%} allowed")
            for name, share in shares[shares > most].items()
        ]
    return checks


def _column_checks(column: Rules, values: pd.Series | None) -> list[pa.Check]:
    import pandera.pandas as pa

    if values is None:  # pandera itself reports the missing column
        return []
    checks = []
    if (kind := column.get("type")) is not None:
        checks.append(_fact(_KINDS[kind](values), f"holds {values.dtype} values, {kind} expected"))
    if (most := column.get("max_missing_share")) is not None:
        share = float(values.isna().mean()) if len(values) else 0.0
        checks.append(_fact(share <= most, f"{share:.1%} of the values are missing, at most {most:.1%} allowed"))
    if (low := column.get("min")) is not None:
        checks.append(pa.Check.ge(low, error=f"below {low}"))
    if (high := column.get("max")) is not None:
        checks.append(pa.Check.le(high, error=f"above {high}"))
    if (allowed := column.get("allowed")) is not None:
        checks.append(pa.Check.isin(allowed, error=f"not among {', '.join(map(str, allowed))}"))
    if column.get("unique"):
        checks.append(pa.Check(lambda series: ~series.duplicated(), error="repeated, though all must differ"))
    return checks


def _fact(holds: bool, sentence: str) -> pa.Check:
    """A check whose outcome is known when the schema is made."""
    import pandera.pandas as pa

    return pa.Check(lambda _: holds, name="fact", error=sentence, ignore_na=False)


def _sentence(error: Any) -> str:
    """What one of pandera's errors says, in words: the column, how many values, the rule, a few examples."""
    reason = error.reason_code.name
    if reason == "COLUMN_NOT_IN_DATAFRAME":
        return f"column {error.failure_cases!r} is missing"
    rule = str(error.check.error)
    where = f"{error.schema.name}: " if error.schema.name else ""
    if reason == "CHECK_ERROR":
        return f"{where}the values cannot be compared, so whether any is {rule} is unknown"
    if error.check.name == "fact":
        return where + rule
    values = error.failure_cases["failure_case"]
    shown = ", ".join(str(value) for value in values.unique()[:3])
    return f"{where}{len(values)} value{'s' if len(values) > 1 else ''} {rule} (such as {shown})"


def _is_number(series: pd.Series) -> bool:
    import pandas.api.types as types

    return types.is_numeric_dtype(series) and not types.is_bool_dtype(series)


def _is_integer(series: pd.Series) -> bool:
    # Whole numbers with a gap among them are float64 in pandas; they are whole all the same.
    return _is_number(series) and bool((series.dropna() % 1 == 0).all())


def _is_string(series: pd.Series) -> bool:
    return all(isinstance(value, str) for value in series.dropna())


def _is_boolean(series: pd.Series) -> bool:
    import pandas.api.types as types

    return bool(types.is_bool_dtype(series.dropna().infer_objects()))


def _is_datetime(series: pd.Series) -> bool:
    import pandas as pd

    if _is_number(series) or _is_boolean(series):
        return False
    return bool(pd.to_datetime(series.dropna(), errors="coerce", utc=True, format="mixed").notna().all())


_KINDS: dict[str, Callable[[pd.Series], bool]] = {
    "number": _is_number,
    "integer": _is_integer,
    "string": _is_string,
    "boolean": _is_boolean,
    "datetime": _is_datetime,
}
