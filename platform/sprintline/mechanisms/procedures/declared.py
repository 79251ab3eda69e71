"""Declared procedures, and every failpoint there is: both are found by file name, nothing lists them.

A subject declares a procedure in its `procedures.py` (PROCEDURES) and carries it out elsewhere, so that its name, its
steps and its failpoints are known without importing what the steps need. Other failpoints are declared in the
`failpoints.py` (FAILPOINTS: name to what is left when the process is killed there) of the subject that passes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain

from sprintline.mechanisms.registry import collected, modules

INTENDED, ENDED = "intended", "ended"
_WORD = re.compile(r"[a-z][a-z_]*")


class ProcedureError(ValueError):
    """A procedure or a failpoint is declared wrongly, or is not carried out as it was declared."""


@dataclass(frozen=True)
class Procedure:
    """Steps that all happen or are undone, as declared.

    name: also the first part of its failpoints. steps: in order, each with what is left when the process is killed
    after it and before the ledger has it. intended, ended: the same, before the first step and after the last. resume:
    what to run to go on after a kill; may name `{product}`, `{subject}` and `{sprint}`. repeats: whether it can be
    carried out again for a subject after it was done; otherwise it is done once.

    Raises ProcedureError for names that no failpoint can have, and without steps.
    """

    name: str
    steps: Mapping[str, str]
    intended: str
    ended: str
    resume: str
    repeats: bool = False

    def __post_init__(self) -> None:
        for word in (self.name, *self.steps):
            if not _WORD.fullmatch(word) or word in (INTENDED, ENDED):
                raise ProcedureError(
                    f"procedure {self.name}: {word!r} is no name for it or a step; use lower case letters and _, "
                    f"and neither {INTENDED} nor {ENDED}"
                )
        if not self.steps:
            raise ProcedureError(f"procedure {self.name} has no steps")

    @property
    def failpoints(self) -> dict[str, str]:
        """Its failpoints in the order in which they are passed, and what is left at each."""
        left = {INTENDED: self.intended, **self.steps, ENDED: self.ended}
        return {f"{self.name}.{place}": meaning for place, meaning in left.items()}


@cache
def procedures() -> Mapping[str, Procedure]:
    """Every declared procedure by its name. Raises ProcedureError where two have the same."""
    found: dict[str, Procedure] = {}
    for one in collected("procedures", "PROCEDURES"):
        if one.name in found:
            raise ProcedureError(f"two procedures are named {one.name}: rename one of them")
        found[one.name] = one
    return found


@cache
def failpoints() -> Mapping[str, str]:
    """Every failpoint by name, and what is left when the process is killed there; those of procedures last.

    Raises ProcedureError where two have the same name: a test would kill at one and take it for the other.
    """
    found: dict[str, str] = {}
    declared = (getattr(module, "FAILPOINTS", {}) for module in modules("failpoints"))
    for name, left in chain.from_iterable(
        one.items() for one in (*declared, *(each.failpoints for each in procedures().values()))
    ):
        if name in found:
            raise ProcedureError(f"two failpoints are named {name}: rename one of them")
        found[name] = left
    return found
