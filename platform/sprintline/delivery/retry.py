"""Try a sprint again whose runs failed: a person asks, and the sensors count anew.

Nothing is started here. The ledger is told, and the next tick of the sensors starts the run that is due: the closing,
the retraining or the closing on a waiver, whichever failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sprintline.delivery.waived import to_close_on_waivers
from sprintline.landing.arrivals import arrivals_of
from sprintline.product.events import RETRIED
from sprintline.product.failed import Failure, standing
from sprintline.product.past import closing_of, undecided
from sprintline.product.runtime import Runtime

GoingOn = Callable[[Runtime, str], str | None]
"""Short id of a run of a sprint that is queued or running now, or None."""


class RetryError(ValueError):
    """A sprint cannot be tried again; the message says why and what can be done."""


@dataclass(frozen=True)
class Retry:
    """A sprint that is tried again. why: of the failure. asked: whether this call recorded it, not an earlier one."""

    product: str
    sprint: str
    why: str
    asked: bool

    def __str__(self) -> str:
        again = "is tried again" if self.asked else "is to be tried again already"
        return f"{self.product} {self.sprint} {again}; its last run failed, {self.why}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def failures(runtime: Runtime) -> dict[str, Failure]:
    """The product's sprints with a failed run that nothing has made good, in the order of the calendar."""
    found = standing(runtime.records.events(product=runtime.product))
    return {sprint: found[sprint] for sprint in runtime.calendar.keys if sprint in found}


def retry(runtime: Runtime, sprint: str, actor: str, going_on: GoingOn) -> Retry:
    """Let a sprint's failed run be started again.

    Raises:
        RetryError: nothing of it failed, it is closed on what landed, it waits for something else, or a run of it is
            going on.
    """
    if sprint not in runtime.calendar.keys:
        raise RetryError(f"{runtime.product} plans no sprint {sprint}: `sprintline status` lists them")
    if run := going_on(runtime, sprint):
        raise RetryError(f"{sprint}: run {run} of it is going on: wait for its end, or stop it in the UI")
    failure = failures(runtime).get(sprint)
    if failure is None:
        raise RetryError(f"nothing to retry: no run of {sprint} failed{_instead(runtime, sprint)}")
    if why := _not_due(runtime, sprint):
        raise RetryError(f"nothing to retry: {why}")
    if failure.retried_by:
        return Retry(runtime.product, sprint, failure.why, asked=False)
    # One event per failure, however many ask at once.
    body = {"failed": failure.run, "error": failure.why}
    runtime.records.append(RETRIED, runtime.product, sprint, actor, body, key=failure.run)
    return Retry(runtime.product, sprint, failure.why, asked=True)


def retry_all(runtime: Runtime, actor: str, going_on: GoingOn) -> tuple[list[Retry], list[str]]:
    """Let every failed sprint of a product be tried again; gives them, and why others are not."""
    done: list[Retry] = []
    left: list[str] = []
    for sprint in failures(runtime):
        try:
            done.append(retry(runtime, sprint, actor, going_on))
        except RetryError as error:
            left.append(f"{runtime.product}: {error}")
    return done, left


def _not_due(runtime: Runtime, sprint: str) -> str | None:
    """Why no sensor would start a run of a sprint, though one failed; None when one would."""
    closed = closing_of(runtime, sprint)
    ready = arrivals_of(runtime)[0].get(sprint)
    if closed is not None and (ready is None or ready.adds_nothing_to(closed["files"])):
        if any(key == sprint for _, key in to_close_on_waivers(runtime)):
            return None
        done = "Done" if closed["done"] else "closed"
        return (
            f"{sprint} is {done} on the files that landed; what failed after it was started by hand, in the UI: "
            "materialize it there again"
        )
    if ready is None:
        return f"{sprint} has no file in landing/ any more: drop one of every source"
    if ready.missing:
        return f"{sprint} waits for a file of {', '.join(ready.missing)}"
    if ready.waits:
        return f"{sprint} waits {ready.waits[0]}"
    return undecided(runtime, sprint)


def _instead(runtime: Runtime, sprint: str) -> str:
    """What is true of a sprint of which nothing failed, to be read after that."""
    closed = closing_of(runtime, sprint)
    if closed is not None:
        state = (
            "it is Done"
            if closed["done"]
            else f"it is closed and not Done: {'; '.join(closed['missing'][:1])}"
        )
        return f"; {state}"
    why = _not_due(runtime, sprint)
    return f"; {why}" if why else ""
