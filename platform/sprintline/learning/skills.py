"""How good a model is as one number, whatever it predicts: what rules judge without knowing the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Quality:
    """A metric of which 1 is perfect.

    chance: its value of a model that knows nothing. suspicious: from here on one column that carries nearly all of it
    is a question for a person. most: what shuffling one column can cost, as a multiple of the quality above chance.
    """

    name: str
    chance: float
    suspicious: float
    most: float

    def carried(self, lost: float, quality: float) -> float:
        """Share of the quality that one column carries. lost: quality lost when it is shuffled."""
        return lost / max(quality - self.chance, 1e-9) / self.most


QUALITIES = {
    one.name: one
    for one in (
        Quality("roc_auc", chance=0.5, suspicious=0.9, most=1),
        # A shuffled column does not only tell nothing, it misleads: a number is then off by twice its variance.
        Quality("roc_auc_ovr", chance=0.5, suspicious=0.9, most=1),
        Quality("r2", chance=0.0, suspicious=0.95, most=2),
        Quality("d2_pinball", chance=0.0, suspicious=0.9, most=2),
    )
}


def quality_of(metrics: Mapping[str, Any]) -> tuple[Quality, float | None]:
    """The metric of some measured metrics that tells the quality, and its value."""
    name = next(one for one in QUALITIES if one in metrics)
    return QUALITIES[name], metrics[name]


def skill_of(origin: Mapping[str, Any]) -> float | None:
    """The skill at an origin of the backtest; records made before there were tasks have the ROC-AUC only."""
    if "skill" in origin:
        return origin["skill"]
    area = origin.get("roc_auc")
    return None if area is None else 2 * area - 1


def skill_error_of(origin: Mapping[str, Any]) -> float | None:
    """Standard error of the skill at an origin."""
    if "skill_error" in origin:
        return origin["skill_error"]
    error = origin.get("error")
    return None if error is None else 2 * error
