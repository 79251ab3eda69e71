"""Known failures: failed rules in a product's history that are correct, so they do not count as false alarms.

`findings.yaml` beside a product's `defs.yaml` lists them. Unlike a waiver it changes no verdict and opens no gate; it
only says which failures were examined and are correct.
"""

from __future__ import annotations

from pydantic import Field

from sprintline.mechanisms.declaration.declarations import Declaration
from sprintline.mechanisms.declaration.spec import Spec
from sprintline.mechanisms.declaration.types import RuleCode, SprintKey, Words


class KnownFailure(Spec):
    """Failures of one rule that are correct."""

    code: RuleCode = Field(description="code of the rule", examples=["FT303"])
    sprints: list[SprintKey] = Field(
        default=[], description="sprints in which it is true; none means all", examples=[["2013-S01"]]
    )
    why: Words = Field(
        description="why it is true", examples=["no sprint comes before it, so there is no history"]
    )

    def covers(self, code: str, sprint: str) -> bool:
        """Whether a failure of this rule in this sprint is known."""
        return self.code == code and (not self.sprints or sprint in self.sprints)


class KnownFailures(Spec):
    """The file."""

    findings: list[KnownFailure] = Field(
        default=[], description="true failures", examples=[[{"code": "FT303", "why": "no history"}]]
    )


DECLARATIONS = (
    Declaration(
        file="findings.yaml",
        title="failures of rules that were examined and are true",
        spec=KnownFailures,
        about="`sprintline faults` counts them separately from false alarms. They change no verdict and open no gate.",
    ),
)
