"""Failed runs, as the ledger has them: which sprints have one that nothing has made good since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sprintline.mechanisms.ledger.chain import Event
from sprintline.product.events import CLOSED, RETRIED, RUN_FAILED, RUN_RECOVERED
from sprintline.product.run_errors import RunError
from sprintline.product.tries import ATTEMPTS


@dataclass(frozen=True)
class Failure:
    """The newest failed run of a sprint that nothing has made good.

    run: its whole id. job: what it executed. step, error, place: where it failed, why in one line, and `file:line` of
    the team's code. started_by: the sensor that started it, or `person`. tried: of `Tries.of`, empty for a run that no
    sensor started. times: failed runs in a row with this try. at: when it was recorded, ISO. retried_by: who asked for
    a retry since.
    """

    sprint: str
    run: str
    job: str
    step: str
    error: str
    place: str
    started_by: str
    tried: str
    times: int
    at: str
    retried_by: str | None = None

    @property
    def why(self) -> str:
        """Step, error and place, in one line."""
        return str(RunError(self.error, self.place, self.step))

    @property
    def given_up(self) -> bool:
        """Whether no sensor starts another run by itself."""
        return not self.tried or self.times >= ATTEMPTS

    def __str__(self) -> str:
        often = f", failed {self.times} times" if self.times > 1 else ""
        then = "a sensor tries it again"
        if self.retried_by:
            then = f"{self.retried_by} asked for a retry"
        elif self.given_up:
            then = f"fix it, then: sprintline retry {self.sprint}"
        return f"its run failed: {self.why} (run {self.run[:8]}{often}; {then})"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "given_up": self.given_up}


def standing(events: Iterable[Event]) -> dict[str, Failure]:
    """By sprint, the failures that nothing has made good: no closing and no run that did what failed.

    events: one product's, in order.
    """
    found: dict[str, Failure] = {}
    for event in events:
        sprint = event.sprint
        if sprint is None:
            continue
        if event.kind in (CLOSED, RUN_RECOVERED):
            found.pop(sprint, None)
        elif event.kind == RUN_FAILED:
            before = found.get(sprint)
            again = before is not None and before.tried == event.body["tried"]
            found[sprint] = Failure(
                sprint,
                **event.body,
                times=before.times + 1 if before and again else 1,
                at=event.at.isoformat(timespec="seconds"),
            )
        elif event.kind == RETRIED and sprint in found:
            found[sprint] = Failure(**{**asdict(found[sprint]), "retried_by": event.actor})
    return found
