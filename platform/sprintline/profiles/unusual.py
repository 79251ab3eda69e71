"""The findings of a sprint's profiles over the sprints before, drawn: a document that the profiles keep for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.lake.tables import Lake
from sprintline.mechanisms.reports.document import Chart, Document, Form, Paragraph, Part, Section
from sprintline.profiles.history import PROFILES, SOURCE
from sprintline.profiles.statistics import DOUBLES, NULLS, RELATION, SAME, SHARE

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.product.runtime import Runtime
    from sprintline.profiles.facts import Finding, ProfilesFacts

UNUSUAL = "unusual"
"""Kind of the document."""
MOST_DRAWN, BACK = 3, 12
"""Findings drawn, and sprints before this one on each drawing."""
SHARES = frozenset((SHARE, NULLS, SAME, DOUBLES, RELATION))
"""Measures that are shares of rows."""


def unusual(runtime: Runtime, sprint: str, facts: ProfilesFacts) -> Document | None:
    """The document of a sprint from its recorded findings; None without any."""
    if not facts["findings"]:
        return None
    keys = [*runtime.calendar.previous(sprint, BACK), sprint]
    table = runtime.table(PROFILES)
    there = [key for key in keys if runtime[Lake].has(table, key)]
    return document(facts["findings"], runtime[Lake].read(table, there), keys)


def document(findings: list[Finding], rows: pd.DataFrame, keys: list[str]) -> Document:
    """The document from plain values.

    Args:
        findings: those of the last of some sprints, the most improbable first.
        rows: their profiles (`statistics.COLUMNS`), with source and sprint.
        keys: the sprints, oldest first.
    """
    parts: list[Part] = []
    for number, one in enumerate(findings):
        parts.append(Paragraph(one["sentence"] + "."))
        if number < MOST_DRAWN and (drawn := _over_sprints(one, rows, keys)):
            parts.append(drawn)
    return Document("Unusual", (Section("What is unusual in the sources", tuple(parts)),))


def _over_sprints(one: Finding, rows: pd.DataFrame, keys: list[str]) -> Chart | None:
    """The statistic of a finding by sprint, with its forecast; None where it was not measured before."""
    same = rows[rows[SOURCE] == one["source"]]
    for column in ("measure", "column", "by", "group"):
        same = same[same[column] == one[column]]  # type: ignore[literal-required]
    # Rows of a day have one figure for each day of a sprint; their mean is a sprint's.
    figures = same.groupby("sprint")["figure"].mean()
    by_sprint = tuple(float(figures[key]) if key in figures else None for key in keys[:-1])
    if not any(figure is not None for figure in by_sprint):
        return None
    place = f"{one['column']} of {one['by']} {one['group']}" if one["by"] else one["column"]
    expected = tuple([None] * (len(keys) - 1))
    return Chart(
        f"{one['source']}: {one['measure']} {place}".strip(),
        tuple(keys),
        {"measured": (*by_sprint, one["figure"]), "expected": (*expected, one["expected"])},
        form=Form.SHARE if one["measure"] in SHARES else Form.AUTO,
    )
