"""Measurements of the rules: faults caught, and verdicts on clean sprints.

Stored as JSON: in the state folder for the last run, in docs/reference/faults.json for the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sprintline.base.files import atomic_write
from sprintline.faults.run import Suite
from sprintline.faults.spec import KnownFailure
from sprintline.mechanisms.rules.verdicts import Outcome, Verdict

FILE = "faults.json"


@dataclass
class Clean:
    """Verdicts of a rule on clean sprints, over all assets it judges.

    false_alarms: failures that are not known failures. findings: known failures. insufficient: not enough evidence, as
    before the first champion.
    """

    passes: int = 0
    false_alarms: int = 0
    findings: int = 0
    insufficient: int = 0


@dataclass(frozen=True)
class Row:
    """One fault of one rule, as `sprintline faults --json` lists it; the clean figures are the rule's."""

    code: str
    fault: str
    caught: bool
    clean_passes: int
    false_alarms: int
    findings: int
    insufficient: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    """The last measurement. sprints: number of clean sprints by product."""

    rows: tuple[Row, ...]
    sprints: Mapping[str, int] = field(default_factory=dict)

    def of(self, code: str) -> tuple[Row, ...]:
        """The rows of one rule."""
        return tuple(row for row in self.rows if row.code == code)

    def save(self, file: Path) -> None:
        """Write atomically: to a temporary file, then renamed."""
        content = {"clean_sprints": dict(self.sprints), "faults": [asdict(row) for row in self.rows]}
        atomic_write(file, json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, file: Path) -> Measured | None:
        """What was saved, or None when there is no such file."""
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(tuple(Row(**row) for row in found["faults"]), found["clean_sprints"])


def counted(verdicts: Iterable[Verdict], findings: Iterable[KnownFailure]) -> dict[str, Clean]:
    """Counted verdicts by rule code."""
    right = tuple(findings)
    found: dict[str, Clean] = {}
    for verdict in verdicts:
        one = found.setdefault(verdict.code, Clean())
        if verdict.outcome is Outcome.PASS:
            one.passes += 1
        elif verdict.outcome is Outcome.INSUFFICIENT:
            one.insufficient += 1
        elif any(finding.covers(verdict.code, verdict.sprint) for finding in right):
            one.findings += 1
        else:
            one.false_alarms += 1
    return found


def added(parts: Iterable[Mapping[str, Clean]]) -> dict[str, Clean]:
    """Counts of several products together."""
    found: dict[str, Clean] = {}
    for part in parts:
        for code, more in part.items():
            one = found.setdefault(code, Clean())
            one.passes += more.passes
            one.false_alarms += more.false_alarms
            one.findings += more.findings
            one.insufficient += more.insufficient
    return found


def measured(suite: Suite, clean: Mapping[str, Clean], sprints: Mapping[str, int]) -> Measured:
    """Faults and clean sprints together; the fault's own clean counterpart counts as one more clean judgement."""
    rows = []
    for one in suite.tried:
        counts = clean.get(one.fault.code, Clean())
        rows.append(
            Row(
                code=one.fault.code,
                fault=one.fault.name,
                caught=one.caught,
                clean_passes=counts.passes + int(one.clean_passes),
                false_alarms=counts.false_alarms + int(not one.clean_passes),
                findings=counts.findings,
                insufficient=counts.insufficient,
                seconds=one.seconds,
            )
        )
    return Measured(tuple(rows), dict(sprints))
