"""A package beside the platform adds reports by new files only, and takes them away when it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sprintline.base.settings import Home

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).parent / "driver.py"
S1, S2, S3 = "2013-S01", "2013-S02", "2013-S03"

PAGES = """
from sprintline.mechanisms.reports.document import Chart, Column, Document, Fact, Facts, Form, Section, Table
from sprintline.mechanisms.reports.report import Per, Report


def volume(runtime, sprint):
    rows = {key: found.facts["rows"] for key, found in runtime.history("questions").items()}
    facts = Facts((Fact("sprints", len(rows)), Fact("questions", sum(rows.values())), Fact("share", 0.125, Form.SHARE)))
    table = Table((Column("sprint"), Column("asked")), tuple(rows.items()))
    chart = Chart("Asked", tuple(rows), {"asked": tuple(rows.values())}, form=Form.AUTO)
    return Document(f"Volume of {runtime.product}", (Section("", (facts,)), Section("By sprint", (chart, table))))


def asked(runtime, sprint):
    found = runtime.measured("questions", sprint)
    return Document(f"Asked in {sprint}", (), {"asked": found.facts["rows"]}) if found else None


def broken(runtime, sprint):
    raise ValueError("no such column")


REPORTS = (
    Report("volume", "Volume", Per.PRODUCT, volume),
    Report("asked", "Asked", Per.SPRINT, asked, template="asked.html.j2"),
    Report("together", "Together", Per.SITE, volume),
)
"""
TEMPLATE = '{% extends "base.html.j2" %}{% block content %}<h1>Own layout: {{ asked }}</h1>{% endblock %}'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with reports of every kind: two files, none of them in the clone."""
    folder = tmp_path / "path" / "volumes"
    (folder / "templates").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "pages.py").write_text(PAGES)
    (folder / "templates" / "asked.html.j2").write_text(TEMPLATE)
    return folder


def run(home: Home, package: Path | None, *steps: list[str]) -> list[dict[str, Any]]:
    """Steps in a process of their own: with the package, or as if it had never been there."""
    env = {
        **os.environ,
        "SPRINTLINE_HOME": str(home.root),
        "SPRINTLINE_EXTENSIONS": package.name if package else "",
    }
    if package:
        env["PYTHONPATH"] = str(package.parent)
    done = subprocess.run(
        [sys.executable, str(DRIVER)],
        input=json.dumps(steps),
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def pages(home: Home) -> dict[str, str]:
    return {str(one.relative_to(home.site)): one.read_text() for one in home.site.rglob("*.html")}


ADDED = {
    "together.html",
    "flight_delays/volume.html",
    "flight_delays/asked/2013-S01.html",
    "flight_delays/asked/2013-S02.html",
}


def test_a_report_comes_with_its_file_and_goes_with_it(home, package):
    run(home, None, ["close", S1])
    before = pages(home)
    (home.site / "flight_delays" / "notes.html").write_text("of a person")

    listed, text, told, near, *_ = run(
        home, package,
        ["report"], ["report", "volume", "--markdown"], ["report", "volume", "--json"], ["report", "volumes"],
        ["close", S2],
    )  # fmt: skip
    assert "volume      Volume, a page per product" in listed["out"]
    assert near["code"] == 2 and "did you mean volume" in near["err"]
    # Every fact and cell of the JSON is in the Markdown, as Markdown writes it.
    (document,) = json.loads(told["out"])["products"].values()
    (facts,), (chart, table) = (one["parts"] for one in document["sections"])
    assert [(one["name"], one["value"]) for one in facts["facts"]] == [
        ("sprints", 1),
        ("questions", 1001),
        ("share", 0.125),
    ]
    assert table["rows"] == [[S1, 1001]] and chart["series"] == {"asked": [1001]}
    for line in ("- sprints: 1\n", "- questions: 1,001\n", "- share: 12.5 %\n", "| 2013-S01 | 1,001 |"):
        assert line in text["out"], line

    with_it = pages(home)
    assert with_it.keys() >= ADDED | before.keys()
    assert '<a href="flight_delays/volume.html">Volume</a>' in with_it["index.html"]
    assert '<a href="together.html">Together</a>' in with_it["index.html"]
    assert '<a href="asked/2013-S01.html">Asked</a>' in with_it["flight_delays/2013-S01.html"], (
        "also from earlier pages"
    )
    assert "1,001" in with_it["flight_delays/volume.html"] and "1,002" in with_it["flight_delays/volume.html"]
    assert "Own layout: 1002" in with_it["flight_delays/asked/2013-S02.html"]
    assert '<h2 id="flight_delays">Volume of flight_delays</h2>' in with_it["together.html"]

    (closed,) = run(home, package, ["close", S3])
    assert closed["err"] == "" and pages(home).keys() >= ADDED, "the next closing keeps them"
    assert "1,003" in pages(home)["flight_delays/volume.html"]

    (written,) = run(home, None, ["site"])
    without = pages(home)
    assert written["code"] == 0 and not ADDED & without.keys()
    assert not [one for one in home.site.rglob("*") if "asked" in str(one) or "together" in one.name]
    assert all("volume.html" not in text and "Asked" not in text for text in without.values()), (
        "no link leads nowhere"
    )
    assert without.pop("flight_delays/notes.html") == "of a person"


def test_the_next_closing_removes_them_as_well(home, package):
    run(home, package, ["close", S1], ["close", S2])
    assert pages(home).keys() >= ADDED
    run(home, None, ["close", S3])
    assert not ADDED & pages(home).keys()
    assert all("volume.html" not in text and "Asked" not in text for text in pages(home).values())


@pytest.mark.fault
def test_a_report_that_fails_keeps_its_page_and_stops_no_other(home, package):
    run(home, package, ["close", S1], ["close", S2])
    before = pages(home)
    whole = package / "pages.py"
    whole.write_text(PAGES.replace("Per.PRODUCT, volume", "Per.PRODUCT, broken"))
    (package / "templates" / "asked.html.j2").write_text("{{ nonsense }}")
    closed, site, printed = run(home, package, ["close", S3], ["site"], ["report", "volume"])
    after = pages(home)
    assert (
        "report volume of flight_delays was not written" in closed["err"]
        and "no such column" in closed["err"]
    )
    assert site["code"] == 1 and "report asked of flight_delays 2013-S01 was not written" in site["err"]
    assert printed["code"] == 1 and "no such column" in printed["err"]
    for kept in ("flight_delays/volume.html", "flight_delays/asked/2013-S01.html"):
        assert after[kept] == before[kept]
    assert f"flight_delays/{S3}.html" in after and "1,003" in after["together.html"]


@pytest.mark.fault
def test_a_name_that_is_taken_is_refused(home, package):
    (package / "pages.py").write_text(PAGES.replace('"volume"', '"backlog"'))
    (listed,) = run(home, package, ["report"])
    assert (
        listed["code"] == 1
        and "volumes.pages: there is another report with the name backlog" in listed["err"]
    )
