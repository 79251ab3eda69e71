"""Concept drift: the champion's errors grow although the questions look as before.

Plain errors follow the season: more late flights, more squared error, with nothing learned having become wrong. So an
error is reported as its **excess** over what the champion's own predictions lead to expect (`Task.excess`), whose mean
is 0 while nothing has changed, in standard deviations like every other distance of drift.

ADWIN (Bifet and Gavaldà, 2007; `river`) runs over the excess in the order in which outcomes became known, and cuts off
what is older than the last change. Errors come in spells (a bad afternoon is a change to ADWIN), so a cut alone says
little: the mean of the whole window *and* of the stretch that ADWIN kept must be large, so that neither a spell nor a
change that is over counts. Only the last windows are replayed: nothing grows with history and no state is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sprintline.learning.metric_functions import Floats
from sprintline.learning.tasks.task import Task

EFFECT = 0.2
"""A mean excess of so many standard deviations counts: a small effect by Cohen's convention (1988)."""

DELTA = 0.002
"""ADWIN's bound on a false cut, river's own default."""


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
    of: str = "probabilities"

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
            f"champion's {self.of} lead to expect ({EFFECT:g} count), of the {self.rows:,} since the last change "
            f"{self.kept:+.2f}"
        )


def replay(
    windows: Sequence[tuple[Floats, Floats]], task: Task, usual: Mapping[str, Any] | None = None
) -> Concept:
    """Judge the last of some windows that one champion served, ADWIN having run over all of them.

    windows: answers and predictions, oldest first, each in the order in which its outcomes became known. usual: what
    the champion's release keeps of its errors.
    """
    if not windows or not len(windows[-1][0]):
        return Concept(None, None, 0, 0, 0)
    found = [task.excess(answers, predictions, usual) for answers, predictions in windows]
    errors = [one[0] for one in found if one is not None]
    if len(errors) < len(windows) or found[-1] is None:
        return Concept(None, None, 0, 0, 0)
    from river.drift import ADWIN

    lowest, highest = task.bounds
    detector, cuts = ADWIN(delta=DELTA), 0  # it wants values between 0 and 1
    for value in ((np.concatenate(errors) - lowest) / (highest - lowest)).tolist():
        detector.update(value)
        cuts += detector.drift_detected
    ordinary = found[-1][1]
    kept = detector.estimation * (highest - lowest) + lowest
    return Concept(
        round(float(errors[-1].mean()) / ordinary, 6),
        round(kept / ordinary, 6),
        int(detector.width),
        int(cuts),
        len(errors[-1]),
        task.said,
    )
