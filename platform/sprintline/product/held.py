"""Declarations held against what closed sprints and the live model depend on.

A change may be sound in itself and still break what came before it: other days for closed sprints, an input of the
live model that no view gives. A subject lists what it compares as `HELD` in its `mistakes.py`. `sprintline check`, the
load of a code location, sensors, the landing and the replay all ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sprintline.base.places import shown
from sprintline.base.steps import StepFailed
from sprintline.mechanisms.declaration.located_yaml import DeclarationError, read_yaml
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.mechanisms.registry import collected
from sprintline.product.runtime import Runtime


@dataclass(frozen=True)
class Held:
    """One comparison of declarations with history.

    find: (runtime, quick) -> lines `file:line: what is wrong; what to do`. Quick: the answer is needed at each tick of
    a sensor or while a code location loads, so nothing slow is imported, and what is not known without it is left out.
    It leaves out what it cannot read as well: an earlier check reports that.
    """

    find: Callable[[Runtime, bool], Iterable[str]]


def contradictions(runtime: Runtime, *, quick: bool = False) -> list[str]:
    """A line for each declaration that no longer fits what closed sprints or the live model depend on.

    Empty for a sound product, and for one without history, whose state folder is not created by asking.
    """
    if existing_records(runtime.home) is None:
        return []
    held: tuple[Held, ...] = collected("mistakes", "HELD", Held)
    return list(dict.fromkeys(line for one in held for line in one.find(runtime, quick)))


def refuse_contradictions(runtime: Runtime, *, quick: bool = False) -> None:
    """Raises StepFailed with every such line."""
    if found := contradictions(runtime, quick=quick):
        raise StepFailed("; ".join(found))


def place_of(runtime: Runtime, *keys: str | int) -> str:
    """`file:line` of a key below `attributes` in the product's defs.yaml; line 1 where the file cannot be read."""
    file = runtime.folder / "defs.yaml"
    try:
        line = read_yaml(file.read_text(encoding="utf-8"), str(file)).line(("attributes", *keys))
    except (OSError, UnicodeDecodeError, DeclarationError):
        line = 1
    return f"{shown(file)}:{line}"
