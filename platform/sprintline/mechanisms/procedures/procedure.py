"""Procedures at work: intent, steps and outcome in the ledger, a failpoint after each, undo when a step fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sprintline.base.failpoints import failpoint
from sprintline.base.locks import access
from sprintline.mechanisms.procedures import progress as procedures
from sprintline.mechanisms.procedures.declared import ENDED, INTENDED, Procedure, ProcedureError
from sprintline.mechanisms.procedures.events import INTENT, OUTCOME, STEP

if TYPE_CHECKING:
    from sprintline.base.settings import Home
    from sprintline.mechanisms.ledger.records import Records


class Owner(Protocol):
    """Whose ledger a procedure is recorded in: a product's runtime, or the platform with the product ""."""

    @property
    def product(self) -> str: ...
    @property
    def home(self) -> Home: ...
    @property
    def records(self) -> Records: ...


@dataclass(frozen=True)
class Step:
    """One step of a procedure.

    do: is given what was meant and makes it so; repeated, it has no second effect. undo: takes it back, also when it
    was done in part or not at all; None for a step that cannot be taken back: from there on the procedure only goes
    forwards.
    """

    name: str
    do: Callable[[Mapping[str, Any]], object]
    undo: Callable[[Mapping[str, Any]], object] | None = None


def carry_out(
    owner: Owner,
    procedure: Procedure,
    subject: str,
    sprint: str | None,
    actor: str,
    steps: Sequence[Step],
    meant: Mapping[str, Any] | None,
    still_meant: Callable[[Mapping[str, Any]], str | None] = lambda _: None,
) -> Mapping[str, Any] | None:
    """Carry a procedure out, or go on where it was interrupted; gives what was meant, None when nothing is.

    One process at a time does so for a product. Done already, nothing is done, unless the procedure repeats.

    Args:
        owner: whose ledger it is recorded in.
        procedure: as declared; its failpoints are passed.
        subject: what it is about: one subject is carried out once, unless it was undone or the procedure repeats.
        sprint: the sprint its events are of, None for none.
        actor: who does it.
        steps: what each declared step does, in the declared order.
        meant: what the intent says where none stands: all that the steps need, JSON values only. None begins nothing.
        still_meant: why an interrupted procedure is no longer wanted; None when it is, or when a step that cannot be
            taken back stands although no one came to tell it.

    Raises:
        ProcedureError: the steps are not the declared ones, or the ledger has steps done that are not declared (an
            older version began it).
        Whatever a step raises. What was done is undone then, and the outcome says so; where a step that cannot be taken
        back was done or tried, the procedure stays open and the next call goes on.
    """
    name, declared, given = procedure.name, list(procedure.steps), [step.name for step in steps]
    if given != declared:
        raise ProcedureError(
            f"procedure {name} declares the steps {', '.join(declared)}, and is given {', '.join(given) or 'none'}: "
            "make procedures.py and the caller of carry_out agree"
        )
    records, product = owner.records, owner.product
    with access(owner.home.procedures / (product or "platform"), writing=True):
        at = procedures.progress_of(name, subject, records.events(product=product, sprint=sprint))
        if at.open and list(at.done) != declared[: len(at.done)]:
            raise ProcedureError(
                f"procedure {name} of {subject} was started by another version of the platform: it did "
                f"{', '.join(at.done)}, and the steps are {', '.join(declared)} now. Complete it with that version"
            )

        def tell(kind: str, step: str = "", **more: Any) -> None:
            records.append(kind, product, sprint, actor, at.fields(**more), key=at.key(step))

        if at.open and _can_be_undone(steps[: len(at.done)]) and (why := still_meant(at.intent or {})):
            # The step after the last told may have been done as well.
            _undo(steps[: len(at.done) + 1], at.intent or {})
            tell(OUTCOME, outcome=procedures.UNDONE, why=why)
            at = procedures.Progress(name, subject, at.attempt + 1)
        if at.outcome == procedures.DONE and procedure.repeats:
            at = procedures.Progress(name, subject, at.attempt + 1)
        if at.outcome == procedures.DONE:
            return at.intent
        intent = at.intent if at.intent is not None else meant
        if intent is None:
            return None
        if at.intent is None:
            tell(INTENT, meant=dict(intent), steps=given)
        failpoint(f"{name}.{INTENDED}")
        tried = list(steps[: len(at.done)])
        try:
            for step in steps[len(at.done) :]:
                tried.append(step)
                step.do(intent)
                failpoint(f"{name}.{step.name}")
                tell(STEP, step.name, done=step.name)
        except Exception as error:
            if _can_be_undone(tried):
                _undo(tried, intent)
                why = f"{tried[-1].name}: {' '.join(str(error).split()) or type(error).__name__}"
                tell(OUTCOME, outcome=procedures.UNDONE, why=why)
            raise
        failpoint(f"{name}.{ENDED}")
        tell(OUTCOME, outcome=procedures.DONE, why="all steps are done")
    return intent


def _can_be_undone(tried: Sequence[Step]) -> bool:
    return all(step.undo is not None for step in tried)


def _undo(tried: Sequence[Step], intent: Mapping[str, Any]) -> None:
    for step in reversed(tried):
        if step.undo is not None:
            step.undo(intent)
