"""Feast's own store object for one product: the configuration that `feature_repo/feature_store.yaml` writes out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feast import FeatureStore

# A deprecation in a library, which would appear in every log of a run.
_NOISE = ("sqlglotrs is deprecated",)


def open_project(product: str, registry: Path, online_file: Path) -> FeatureStore:
    """Feast's store of a product: SQL registry, lake as offline store, SQLite that moves forwards as online store.

    The registry is read once and never expires by time: open the store again after an apply. The folder of both files
    must exist.
    """
    from feast import FeatureStore, RepoConfig
    from sqlalchemy import URL

    store = FeatureStore(
        config=RepoConfig(
            project=product,
            provider="local",
            registry={
                "registry_type": "sql",
                "path": URL.create("sqlite", database=str(registry)).render_as_string(),
                "cache_ttl_seconds": 0,
            },
            offline_store={"type": "sprintline.features.offline.LakeOfflineStore"},
            online_store={
                "type": "sprintline.features.online.ForwardSqliteOnlineStore",
                "path": str(online_file),
            },
            entity_key_serialization_version=3,
        )
    )
    # After the import: importing Feast turns all deprecation warnings on.
    for text in _NOISE:
        warnings.filterwarnings("ignore", message=text, category=DeprecationWarning)
    return store


@contextmanager
def quiet() -> Iterator[None]:
    """Without Feast's warnings that tables do not exist yet: views are declared before their first sprint is closed."""
    log = logging.getLogger("feast.infra.offline_stores.file_source")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
