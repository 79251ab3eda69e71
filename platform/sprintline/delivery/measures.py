"""Which metrics sprints have, and what their answers are like, for tables and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sprintline.learning.metric_names import METRICS, Metric

BEFORE_ANY = ("roc_auc", "average_precision", "brier")
"""What a table has columns for before any prediction was scored."""


def measures(found: Iterable[Mapping[str, Any] | None]) -> tuple[Metric, ...]:
    """The metrics that any of some sprints have, in the order in which they are reported."""
    names = {name for one in found if one for name in one}
    return tuple(one for one in METRICS.values() if one.name in names) or tuple(
        METRICS[name] for name in BEFORE_ANY
    )
