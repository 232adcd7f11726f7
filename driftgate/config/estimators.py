"""Whether ``model.estimator`` can be what it says, without importing the library that has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from driftgate.config.draft import Draft
from driftgate.config.words import closest, show
from driftgate.errors import Problem

PACKAGES = ("sklearn", "xgboost", "lightgbm", "catboost")

# Where the classifiers are that people mean; others may be used all the same.
_MODULES = {
    "catboost": "CatBoostClassifier",
    "lightgbm": "LGBMClassifier",
    "sklearn.calibration": "CalibratedClassifierCV",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier",
    "sklearn.ensemble": "AdaBoostClassifier BaggingClassifier ExtraTreesClassifier GradientBoostingClassifier "
    "HistGradientBoostingClassifier RandomForestClassifier StackingClassifier VotingClassifier",
    "sklearn.gaussian_process": "GaussianProcessClassifier",
    "sklearn.linear_model": "LogisticRegression LogisticRegressionCV PassiveAggressiveClassifier Perceptron "
    "RidgeClassifier RidgeClassifierCV SGDClassifier",
    "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
    "sklearn.neighbors": "KNeighborsClassifier NearestCentroid RadiusNeighborsClassifier",
    "sklearn.neural_network": "MLPClassifier",
    "sklearn.semi_supervised": "LabelPropagation LabelSpreading SelfTrainingClassifier",
    "sklearn.svm": "LinearSVC NuSVC SVC",
    "sklearn.tree": "DecisionTreeClassifier ExtraTreeClassifier",
    "xgboost": "XGBClassifier XGBRFClassifier",
}
CLASSIFIERS = {name: f"{module}.{name}" for module, names in _MODULES.items() for name in names.split()}

_CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_SAME_NAME = 0.9  # how alike two names are that differ as typing errors make them differ


def check_estimator(draft: Draft) -> Iterator[Problem]:
    """Return a problem for an estimator that is not a class of an allowed package, or a slip of one that is known."""
    estimator = draft.section("model").get("estimator")
    if isinstance(estimator, str) and (fault := _fault(estimator)):
        yield draft.layers.problem(("model", "estimator"), "estimator", f"model.estimator {fault[0]}", fault[1])


def _fault(estimator: str) -> tuple[str, str] | None:
    package, name = estimator.split(".")[0], estimator.rpartition(".")[2]
    meant = _meant(name)
    hint = f"did you mean '{meant}'?" if meant else "such as sklearn.ensemble.RandomForestClassifier"
    if not _CLASS_PATH.fullmatch(estimator):
        return f"must be the dotted path of a class, not {show(estimator)}", hint
    if package not in PACKAGES:
        like = closest(package, PACKAGES)
        hint = f"did you mean '{like}{estimator.removeprefix(package)}'?" if like and not meant else hint
        return f"comes from '{package}', which is not one of {', '.join(PACKAGES)}", hint
    if name.endswith("Regressor"):
        return "must be a classifier, not a regressor", hint
    if meant and meant != estimator and not _is_elsewhere(estimator, meant):
        return f"must be a class that exists, not {show(estimator)}", hint
    return None


def _meant(name: str) -> str | None:
    """Return the path of the classifier that a name, right or misspelt, stands for."""
    guess = name.removesuffix("Regressor") + "Classifier" if name.endswith("Regressor") else name
    return CLASSIFIERS.get(guess) or CLASSIFIERS.get(closest(guess, CLASSIFIERS) or "")


def _is_elsewhere(estimator: str, meant: str) -> bool:
    """Whether the class may well exist where it is said to be: below the known module, or under a name of its own."""
    module, _, name = estimator.rpartition(".")
    known_module, _, known = meant.rpartition(".")
    if name == known:
        return module.startswith(f"{known_module}.")
    return SequenceMatcher(None, name, known).ratio() < _SAME_NAME
