"""What the Airflow UI says about a pipeline."""

from pathlib import Path

from driftgate.config.load import load_pipeline
from driftgate.docs import describe

CONFIG = Path(__file__).resolve().parents[1] / "config"


def described(dag_id: str) -> str:
    return describe(load_pipeline(CONFIG / "pipelines" / f"{dag_id}.yaml", CONFIG))


def test_drift_monitoring_shows_its_bands_and_its_graph() -> None:
    text = described("drift_monitoring")
    assert text.startswith("Checks the model API for data drift every hour")
    assert "| moderate | 0.15 up to and including 0.25 |" in text
    assert "| `decide_action` | decide_action | `check_drift` |" in text
    assert text.endswith("Defined in `config/pipelines/drift_monitoring.yaml`.")


def test_model_retraining_shows_its_gates() -> None:
    assert "| roc_auc | above 0.95 |" in described("model_retraining")
