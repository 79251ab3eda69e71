"""Findings: what rules say of a product's clean history that is true, so no false alarm when it is counted.

`findings.yaml` beside a product's `defs.yaml` lists them. It changes no verdict and opens no gate, as a waiver does; it
only tells whoever counts false alarms which failures were looked at and found right.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from sprintline.mechanisms.declaration.located_yaml import read_yaml
from sprintline.mechanisms.declaration.model import Spec, mistakes
from sprintline.mechanisms.declaration.types import Words


class Finding(Spec):
    """Failures of one rule that are true."""

    code: str = Field(pattern=r"^[A-Z]{2,5}\d{3}$", description="code of the rule", examples=["FT303"])
    sprints: list[str] = Field(
        default=[], description="sprints it is true of; none means all", examples=[["2013-S01"]]
    )
    why: Words = Field(
        description="why it is true", examples=["no sprint comes before it, so there is no history"]
    )

    def covers(self, code: str, sprint: str) -> bool:
        """Whether a failure of this rule in this sprint was found right."""
        return self.code == code and (not self.sprints or sprint in self.sprints)


class Findings(Spec):
    """The file."""

    findings: list[Finding] = Field(
        default=[], description="true failures", examples=[[{"code": "FT303", "why": "no history"}]]
    )


def parse_findings(text: str, filename: str) -> tuple[Finding, ...]:
    """The findings in a file's text. Raises DeclarationError with a line per mistake."""
    yaml = read_yaml(text, filename)
    found: Any = None
    told = []
    try:
        found = Findings.model_validate(yaml.data, context={"as_written": True})
    except ValidationError as error:
        told = list(mistakes(error, Findings, yaml, ()))
    yaml.refuse(told)
    return tuple(found.findings)
