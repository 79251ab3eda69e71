"""Every value that the online store has of a view, as plain values. Importing this module imports Feast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from feast.infra.key_encoding_utils import deserialize_entity_key

if TYPE_CHECKING:
    import feast
    from feast.protos.feast.types.Value_pb2 import Value

PublishedRow = tuple[tuple[str | int, ...], int, tuple[float | str | None, ...]]
"""Keys of the view in order, the event moment (seconds since 1970, UTC) and its features' values in order."""


def rows_of(
    store: feast.FeatureStore, view: str, keys: tuple[str, ...], features: tuple[str, ...]
) -> Iterator[PublishedRow]:
    """The rows of a view, in the order of their keys. The moment is the oldest among a row's values."""
    config, online = store.config, store._get_provider().online_store
    found: dict[tuple[str | int, ...], tuple[int, dict[str, Any]]] = {}
    for binary, feature, value, event in online.values(config, store.get_feature_view(view)):
        entity = deserialize_entity_key(binary, config.entity_key_serialization_version)
        named = dict(zip(entity.join_keys, map(_plain, entity.entity_values), strict=True))
        oldest, values = found.setdefault(tuple(named[key] for key in keys), (event, {}))
        values[feature] = _plain(value)
        found[tuple(named[key] for key in keys)] = (min(oldest, event), values)
    for one in sorted(found, key=repr):
        event, values = found[one]
        yield one, event, tuple(values.get(feature) for feature in features)


def _plain(value: Value) -> Any:
    """A value of Feast's protocol; None where it has none, or no number."""
    kind = value.WhichOneof("val")
    found = getattr(value, kind) if kind else None
    if isinstance(found, bool):
        return float(found)
    return None if isinstance(found, float) and found != found else found
