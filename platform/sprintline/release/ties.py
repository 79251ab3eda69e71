"""What counts as better, worse or a tie when a candidate is compared with its rival on the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal


def compared(interval: Mapping[str, Any], margin: float) -> Literal["better", "worse", "a tie"]:
    """Better or worse only where the whole interval lies beyond the margin; everything between is a tie, and ties hold.

    interval: `low` and `high` of the candidate's gain, in units of the metric. margin: the rule's threshold, 0 or more;
    of a metric with a unit it is a share of the rival's loss (`scale`).
    """
    margin *= interval.get("scale", 1)
    if interval["low"] > margin:
        return "better"
    return "worse" if interval["high"] < -margin else "a tie"
