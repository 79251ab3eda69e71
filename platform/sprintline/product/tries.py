"""Tries: after how many failed runs a sprint waits for a person, and what makes the count start anew.

A run that fails is started again, `ATTEMPTS` times for the same files, code and retries. Then only something that may
change its end starts another: new files, a changed file of code, or a person who asks for it (`sprintline retry`).
"""

from __future__ import annotations

from functools import cached_property

from sprintline.product.code_files import code_digest
from sprintline.product.events import RETRIED
from sprintline.product.runtime import Runtime

ATTEMPTS = 3
"""Runs that a sensor starts for the same files, code and retries before a person has to act."""


class Tries:
    """The tries of a product's sprints as they are now; code and ledger are read once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def of(self, sprint: str) -> str:
        """What a run of the sprint is tried with now: digest of the code, and how often a person asked for a retry."""
        return f"{self._code}.{self._retries.get(sprint, 0)}"

    @cached_property
    def _code(self) -> str:
        return code_digest(self._runtime.product)[:12]

    @cached_property
    def _retries(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for event in self._runtime.records.events(product=self._runtime.product, kind=RETRIED):
            found[str(event.sprint)] = found.get(str(event.sprint), 0) + 1
        return found
