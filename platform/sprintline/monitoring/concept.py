"""Concept drift: the champion's errors grow although the questions look as before.

Plain errors follow the season: more late flights, more squared error, with nothing learned having become wrong. So the
error of an answer y to a chance p is reported as its **excess** over what p itself leads to expect,

    (y − p)² − p(1 − p)

whose mean is 0 wherever the probabilities are right, whatever the share of positives (the Brier score's calibration
part; Murphy, 1973). Its standard deviation is then known without any data, √mean p(1 − p)(1 − 2p)², which gives an
effect in standard deviations like every other distance of drift.

ADWIN (Bifet and Gavaldà, 2007; `river`) runs over the excess in the order in which outcomes became known, and cuts off
what is older than the last change. Errors come in spells (a bad afternoon is a change to ADWIN), so a cut alone says
little: the mean of the whole window *and* of the stretch that ADWIN kept must be large, so that neither a spell nor a
change that is over counts. Only the last windows are replayed: nothing grows with history and no state is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EFFECT = 0.2
"""A mean excess of so many standard deviations counts: a small effect by Cohen's convention (1988)."""

DELTA = 0.002
"""ADWIN's bound on a false cut, river's own default."""

LOWEST, HIGHEST = -0.125, 1.0
"""Bounds of the excess: at p = ¾ with y = 1, and at p = 0 with y = 1. ADWIN wants values between 0 and 1."""


@dataclass(frozen=True)
class Concept:
    """What the errors say, in standard deviations. effect: mean excess of the window; kept: of the stretch that ADWIN
    kept, which may reach into earlier windows; rows: its length; cuts: changes found in the replay; labelled: labelled
    answers of the window.
    """

    effect: float | None
    kept: float | None
    rows: int
    cuts: int
    labelled: int

    @property
    def drifting(self) -> bool | None:
        """None while there is no labelled answer."""
        if self.effect is None or self.kept is None:
            return None
        sure = 3.1 / np.sqrt(min(self.rows, self.labelled))  # one in a thousand by chance
        return bool(min(self.effect, self.kept) > max(EFFECT, sure))

    @property
    def why(self) -> str:
        if self.effect is None or self.kept is None:
            return "no labelled answer of the champion yet"
        return (
            f"errors of {self.labelled:,} labelled answers are {self.effect:+.2f} standard deviations off what the "
            f"champion's probabilities lead to expect ({EFFECT:g} count), of the {self.rows:,} since the last change "
            f"{self.kept:+.2f}"
        )


def excess(label: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared error over the expected squared error, one a row."""
    return (label - chance) ** 2 - chance * (1 - chance)


def replay(windows: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Concept:
    """Judge the last of some windows that one champion served, ADWIN having run over all of them.

    windows: labels (0 or 1) and probabilities, oldest first, each in the order in which its outcomes became known.
    """
    if not windows or not len(windows[-1][0]):
        return Concept(None, None, 0, 0, 0)
    from river.drift import ADWIN

    errors = [excess(label, chance) for label, chance in windows]
    detector, cuts = ADWIN(delta=DELTA), 0
    for value in ((np.concatenate(errors) - LOWEST) / (HIGHEST - LOWEST)).tolist():
        detector.update(value)
        cuts += detector.drift_detected
    chance = windows[-1][1]
    ordinary = max(float(np.sqrt(np.mean(chance * (1 - chance) * (1 - 2 * chance) ** 2))), 1e-6)
    kept = detector.estimation * (HIGHEST - LOWEST) + LOWEST
    return Concept(
        round(float(errors[-1].mean()) / ordinary, 6),
        round(kept / ordinary, 6),
        int(detector.width),
        int(cuts),
        len(errors[-1]),
    )
