"""Models as files that run no code when they are read: skops, with exactly these types trusted."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

# Compiled parts of scikit-learn that skops does not know yet. A model file may hold these and nothing
# else that skops does not trust by itself, so loading one runs no code of a stranger.
TRUSTED_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)


DIGEST_TAG = "driftgate.model_digest"  # on a version: sha256 of the model's file


def log(fitted: Any, features: pd.DataFrame) -> str:
    """Log a fitted estimator to the active MLflow run, with its signature and a few rows as example.

    Returns the digest of the file as MLflow has stored it.
    """
    import mlflow
    import sklearn
    from mlflow.models import infer_signature

    example = features.head(5)
    with _quiet(), _storable(fitted):
        logged = mlflow.sklearn.log_model(
            fitted,
            name="model",
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
            # Whole numbers may have gaps in production, which only a float can hold.
            signature=infer_signature(_as_floats(features), fitted.predict(example)),
            input_example=example,
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", "skops"],  # guessing them takes MLflow 20 s
        )

    with tempfile.TemporaryDirectory() as folder:
        return digest(mlflow.artifacts.download_artifacts(artifact_uri=logged.model_uri, dst_path=folder))


def digest(folder: str) -> str:
    """Return the sha256 of the model's file in a downloaded model, in hexadecimal."""
    with _file(folder).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(version: ModelVersion) -> Any:
    """Return the estimator of a registered version; errors as in ``read``, or when its file is another than then."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        path = download_artifacts(artifact_uri=f"models:/{version.name}/{version.version}", dst_path=folder)
        require_registered(path, version.tags.get(DIGEST_TAG, ""))
        return read(path)


def require_registered(folder: str, registered: str) -> None:
    """Raise UserMistake when a downloaded model's file is not the one with the digest ``registered`` ("": unknown)."""
    if registered and (found := digest(folder)) != registered:
        raise UserMistake(
            f"its file is not the one that was registered: sha256 {found[:12]}…, not {registered[:12]}…; "
            "train the model again"
        )


def read(folder: str) -> Any:
    """Return the estimator in a downloaded model.

    Raises UserMistake unless it is a skops file that holds trusted types alone. MLflow itself would believe the list
    of trusted types that comes with the file, and load pickles: both let whoever can write to it run code here.
    """
    from mlflow.models import Model
    from skops.io import load as load_skops
    from skops.io.exceptions import UntrustedTypesFoundException

    flavor = Model.load(folder).flavors.get("sklearn") or {}
    if (kind := flavor.get("serialization_format")) != "skops":
        raise UserMistake(f"it is stored as {kind or 'something else'}, which may run code; store it as skops")
    with _quiet():
        try:
            return load_skops(_file(folder), trusted=list(TRUSTED_TYPES))
        except UntrustedTypesFoundException as error:
            raise UserMistake(f"it holds what no model of ours does, so it is not loaded: {error}") from None
        except Exception as error:  # a damaged file fails in too many ways to list
            raise UserMistake(f"its file cannot be read ({type(error).__name__}: {error}); train it again") from None


def features(name: str, version: str) -> list[str]:
    """Return the columns that a registered version takes, in order; none where it has no signature."""
    import mlflow

    signature = mlflow.models.get_model_info(f"models:/{name}/{version}").signature
    return list(signature.inputs.input_names()) if signature else []


def _file(folder: str) -> Path:
    from mlflow.models import Model

    flavor = Model.load(folder).flavors.get("sklearn") or {}
    return Path(folder) / Path(flavor.get("pickled_model", "MLmodel")).name


def _as_floats(table: pd.DataFrame) -> pd.DataFrame:
    whole = [name for name, kind in table.dtypes.items() if kind.kind in "iu"]
    return table.astype(dict.fromkeys(whole, "float64"))


@contextmanager
def _storable(fitted: Any) -> Iterator[None]:
    """Tell a model that holds other types than the trusted ones from an MLflow that fails."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if "untrusted" not in str(error):
            raise
        raise UserMistake(
            f"a {type(fitted).__name__} cannot be stored without pickle, which would let a model file run code; "
            "choose another model.estimator"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """skops looks for numpy functions in every imported module; Airflow's old modules warn at each look."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
