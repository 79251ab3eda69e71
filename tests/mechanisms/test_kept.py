"""Documents that assets keep for pages: of one version, replaced whole, and never in a sprint's way."""

from __future__ import annotations

from sprintline.mechanisms.reports.document import Document, Paragraph, Section
from sprintline.mechanisms.reports.kept import keep, kept

DOCUMENT = Document("D", (Section("S", (Paragraph("text"),)),), {"rows": 3})


def test_it_is_read_back_for_its_own_version_only(flights):
    assert kept(flights, "diagnosis", "2013-S01", "v1") is None
    assert keep(flights, "diagnosis", "2013-S01", "v1", lambda: DOCUMENT) is None
    found = kept(flights, "diagnosis", "2013-S01", "v1")
    assert found is not None and found.sections == DOCUMENT.sections and found.data["rows"] == 3
    assert kept(flights, "diagnosis", "2013-S01", "v2") is None, "the figures are of other data"
    assert kept(flights, "moved", "2013-S01", "v1") is None


def test_none_takes_the_earlier_one_away(flights):
    keep(flights, "diagnosis", "2013-S01", "v1", lambda: DOCUMENT)
    keep(flights, "diagnosis", "2013-S01", "v1", lambda: None)
    assert kept(flights, "diagnosis", "2013-S01", "v1") is None


def test_one_that_cannot_be_made_says_why_in_its_place(flights):
    def broken() -> Document:
        raise ZeroDivisionError("no rows")

    assert "no rows" in (keep(flights, "what_moved", "2013-S01", "v1", broken) or "")
    found = kept(flights, "what_moved", "2013-S01", "v1")
    assert found is not None and found.sections[0].title == "What moved"
    assert "could not be computed" in found.sections[0].parts[0].text


def test_a_file_that_does_not_read_is_none(flights):
    keep(flights, "diagnosis", "2013-S01", "v1", lambda: DOCUMENT)
    (flights.home.reports / "flight_delays" / "diagnosis" / "2013-S01.json").write_text("half a docu")
    assert kept(flights, "diagnosis", "2013-S01", "v1") is None
