"""Findings of profiles are drawn over the sprints before, with what was expected."""

from __future__ import annotations

import pandas as pd

from sprintline.mechanisms.reports.document import Chart, Form, Paragraph
from sprintline.profiles.facts import Finding
from sprintline.profiles.unusual import document, unusual

KEYS = ["2013-S01", "2013-S02", "2013-S03"]


def finding(column: str) -> Finding:
    return {
        "source": "weather", "measure": "nulls", "column": column, "by": "", "group": "", "days": [], "figure": 0.4,
        "expected": 0.02, "p": 1e-9, "also": 0, "sentence": f"weather: {column} is empty in 40.0% of 336 rows",
    }  # fmt: skip


def profile(sprint: str, column: str, figure: float) -> dict[str, object]:
    return {
        "source": "weather", "measure": "nulls", "column": column, "by": "", "group": "", "sprint": sprint,
        "figure": figure,
    }  # fmt: skip


def test_a_finding_is_a_sentence_and_a_chart_over_the_sprints():
    rows = pd.DataFrame([profile("2013-S01", "wind", 0.01), profile("2013-S02", "wind", 0.03)])
    (section,) = document([finding("wind"), finding("gust")], rows, KEYS).sections
    text, chart, other = section.parts
    assert isinstance(text, Paragraph) and "wind is empty in 40.0%" in text.text
    assert isinstance(chart, Chart) and chart.form is Form.SHARE
    assert chart.series == {"measured": (0.01, 0.03, 0.4), "expected": (None, None, 0.02)}
    assert isinstance(other, Paragraph), "what was never measured before has no line"


def test_without_findings_there_is_nothing_to_draw(flights):
    facts = {"statistics": {}, "compared": 0, "sprints": 0, "learning": 0, "findings": [], "accepted": []}
    assert unusual(flights, "2013-S01", facts) is None  # type: ignore[arg-type]
