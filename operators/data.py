"""Is the data new enough, and fit to learn from?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from operators.base import DriftgateOperator, Section
from operators.ledger import DecisionLink, Limits

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckDataFreshnessOperator(DriftgateOperator):
    """Fails when the training data is older than ``dataset.max_age``.

    :param dataset: the pipeline's section (templated).
    """

    template_fields = ("dataset",)
    operator_extra_links = (DecisionLink(),)
    decides = "data"

    def __init__(self, *, dataset: Section, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset

    def work(self, context: Context) -> dict[str, Any]:
        """Return when the data last changed and its age in hours."""
        from driftgate.services import data

        limit = self.dataset.get("max_age")
        found = data.check_freshness(self.dataset["uri"], limit, self.dataset.get("timestamp_column"))
        self.log.info("The data is %s hours old, at most %s allowed", found["age_hours"], limit or "any age")
        return found

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """The data is new enough."""
        changed = datetime.fromisoformat(result["last_change"])
        return "fresh", f"The data last changed at {changed:%Y-%m-%d %H:%M} UTC", result

    def limits(self) -> Limits:
        """The age."""
        return {("dataset", "max_age"): self.dataset["max_age"]} if "max_age" in self.dataset else {}


class ValidateDataQualityOperator(DriftgateOperator):
    """Fails when the training data breaks rules of the ``quality`` section, naming all of them.

    :param dataset: the pipeline's section (templated).
    :param quality: the pipeline's section.
    """

    template_fields = ("dataset", "quality")
    operator_extra_links = (DecisionLink(),)
    decides = "data"

    def __init__(self, *, dataset: Section, quality: Section, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.quality = quality

    def work(self, context: Context) -> dict[str, int]:
        """Return the number of rows and columns."""
        from driftgate.services import data, quality

        size = quality.validate(data.read_table(self.dataset["uri"]), self.quality)
        self.log.info("%s rows and %s columns passed every check", size["rows"], size["columns"])
        return size

    def decision(self, result: dict[str, int]) -> tuple[str, str, Section]:
        """The data is fit to learn from."""
        return "valid", f"{result['rows']} rows and {result['columns']} columns passed every check", result
