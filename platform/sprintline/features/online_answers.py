"""What the online store says: features served to rows, and what was published to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sprintline.features.frame_checks import EVENT

if TYPE_CHECKING:
    import feast
    import pandas as pd


@dataclass(frozen=True)
class Published:
    """The result of publishing one view.

    keys: entities written; 0 when `why` says why nothing was done.
    newest: the newest event in the online store afterwards.
    """

    view: str
    keys: int
    newest: datetime | None
    why: str = ""


@dataclass(frozen=True)
class OnlineAnswer:
    """Served feature values, a list per column in the order of the requested rows.

    values: by feature; None where the state of its view is not "fresh".
    moments: by view, the event moment the values are of (None if there are none).
    states: by view, "fresh", "stale" (older than ttl), "missing" or "ahead" (of a future moment).
    """

    values: dict[str, list[Any]]
    moments: dict[str, list[datetime | None]]
    states: dict[str, list[str]]

    @property
    def fresh(self) -> bool:
        """Whether every view answered every row with a usable value."""
        return all(state == "fresh" for column in self.states.values() for state in column)


@dataclass(frozen=True)
class OnlineCompared:
    """The online store compared with the newest offline value of each key.

    keys: keys that must be online. missing: of these, keys that are not. unequal: keys with another value or moment.
    extra: keys online that no offline row has; None where not all keys were compared.
    """

    keys: int = 0
    missing: int = 0
    unequal: int = 0
    extra: int | None = None

    @property
    def equal(self) -> bool:
        """Whether the store has what it must have, and nothing else as far as that was compared."""
        return not (self.missing or self.unequal or self.extra)

    def __str__(self) -> str:
        parts = [f"{self.missing:,} of {self.keys:,} keys are missing", f"{self.unequal:,} have other values"]
        return ", ".join([*parts, *([f"{self.extra:,} are in no offline row"] if self.extra else [])])


def compared(
    store: feast.FeatureStore,
    view: str,
    features: Sequence[str],
    keys: Sequence[str],
    latest: pd.DataFrame | None,
) -> OnlineCompared:
    """The newest offline rows of a view, one per key, against what the online store answers for these keys.

    Args:
        store: Feast's, with the view registered.
        features, keys: names of the view's columns.
        latest: the offline rows; None for none.
    """
    if latest is None or latest.empty:
        return OnlineCompared()
    found = store.get_online_features(
        features=[f"{view}:{feature}" for feature in features],
        entity_rows=latest[list(keys)].to_dict("records"),
    ).to_dict(include_event_timestamps=True)
    moments = found[f"{features[0]}__ts"]  # of one read; 0 is how Feast says "no value"
    missing = unequal = 0
    for place, row in enumerate(latest.to_dict("records")):
        if not moments[place]:
            missing += 1
        elif moments[place] != int(row[EVENT].timestamp()) or not all(
            _equal(found[feature][place], row[feature]) for feature in features
        ):
            unequal += 1
    return OnlineCompared(len(moments), missing, unequal)


def _equal(one: Any, other: Any) -> bool:
    """Whether two feature values are equal; two missing values are."""
    if one is None or one != one:
        return other is None or other != other
    return bool(one == other)
