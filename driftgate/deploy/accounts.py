"""MLflow's tables and the accounts of those that use it: the pipelines write, the model API reads.

The person's account, ``admin``, is made by MLflow itself at its first start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def prepare(store_uri: str, auth_uri: str, passwords: Mapping[str, str]) -> None:
    """Bring the tables to this MLflow's version, and each account's password to that in ``passwords``."""
    _upgrade(store_uri)
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(auth_uri)
    for user, password in passwords.items():
        if not store.has_user(user):
            store.create_user(user, password)
        elif not store.authenticate_user(user, password):
            store.update_user(user, password=password)


def _upgrade(store_uri: str) -> None:
    """As ``mlflow db upgrade`` does, which would show the password in the list of processes."""
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(store_uri)
    if utils._all_tables_exist(engine):
        utils._upgrade_db(engine)
    else:
        utils._initialize_tables(engine)
    engine.dispose()
