"""One document is shown three ways with the same values, and the site touches only the files that it wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sprintline.base.hashing import text_hash
from sprintline.mechanisms.reports import report as registered
from sprintline.mechanisms.reports.document import (
    Chart,
    Column,
    Document,
    Fact,
    Facts,
    Form,
    Items,
    Paragraph,
    Section,
    Table,
)
from sprintline.mechanisms.reports.render import Link, markdown, page, shown
from sprintline.mechanisms.reports.report import Per, Report, ReportError, report_named, reports
from sprintline.mechanisms.reports.site import MANIFEST, SIGNATURE, Entry, Site

HOSTILE = '<script>alert("x")</script> | a\nb'
WHOLE = Document(
    "All parts",
    (
        Section("", (Paragraph("Text."), Facts((Fact("rows", 12345), Fact("rate", 0.15, Form.SHARE))))),
        Section(
            "Parts",
            (
                Items(("one", HOSTILE)),
                Table((Column("name"), Column("auc", Form.MEASURE)), (("a|b", 0.74461), ("c", None))),
                Chart("AUC", ("S01", "S02"), {"left": (0.5, None), "right": (0.6, 0.7)}),
                Chart("Drift", ("S01",), {"share": (0.4,)}, "bars", Form.SHARE, states=("confirmed",)),
                Chart("Nothing", ("S01",), {"share": (None,)}),
            ),
        ),
    ),
    {"extra": [1, float("nan")]},
)


class TestDocument:
    def test_json_gives_the_document_back(self):
        body = json.loads(json.dumps(WHOLE.as_dict(), allow_nan=False))
        back = Document.from_dict(body)
        assert back.sections == WHOLE.sections and back.title == WHOLE.title
        assert back.data == {"extra": [1, None]}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"title": "x"},
            [],
            {"title": "x", "sections": [{"title": "", "parts": [{"kind": "video"}]}], "data": {}},
        ],
    )
    def test_anything_else_is_refused(self, body):
        with pytest.raises(ValueError, match="no document"):
            Document.from_dict(body)

    def test_cells_and_figures_that_do_not_match_are_refused(self):
        with pytest.raises(ValueError, match="1 cells, the table has 2 columns"):
            Table((Column("a"), Column("b")), (("x",),))
        with pytest.raises(ValueError, match="one figure for each of 2 sprints"):
            Chart("c", ("S01", "S02"), {"x": (1.0,)})
        with pytest.raises(ValueError, match="one state for each sprint"):
            Chart("c", ("S01",), {"x": (1.0,)}, "bars")


class TestRendering:
    def test_markdown_has_every_value(self):
        text = markdown(WHOLE)
        for part in ("# All parts\n", "- rows: 12,345", "- rate: 15.0 %", "| a\\|b | 0.745 |", "| c | – |"):
            assert part in text, part
        assert (
            "left 0.500 to 0.500" in text and "S01 confirmed" in text and "Nothing: no figures yet." in text
        )

    def test_words_of_a_team_stay_words(self):
        assert not re.search(r"(?<!\\)<script", markdown(WHOLE))
        assert '\\<script>alert("x")\\</script> | a b' in markdown(WHOLE)
        html = page(Report("whole", "Whole", Per.PRODUCT, lambda *_: None), {"p": WHOLE})
        assert "<script" not in html and "&lt;script&gt;" in html

    def test_html_has_every_value_and_its_charts(self):
        html = page(Report("whole", "Whole", Per.PRODUCT, lambda *_: None), {"p": WHOLE})
        for value in ("12,345", "15.0 %", "a|b", "0.745", "Nothing: no figures yet."):
            assert value in html, value
        assert html.count("<svg viewBox") == 2 + 2, "two charts, and the legend's two samples"
        assert '<path class="series nth2 right"' in html, "a series of any name has a colour"

    def test_a_page_for_all_products_has_each(self):
        report = Report("whole", "Whole", Per.SITE, lambda *_: None)
        html = page(report, {"a": Document("Apples"), "b": Document("Bees")})
        assert "<title>Whole</title>" in html
        assert '<h2 id="a">Apples</h2>' in html and '<h2 id="b">Bees</h2>' in html

    def test_navigation_leads_from_any_depth(self):
        report = Report("deep", "Deep", Per.SPRINT, lambda *_: None)
        nav = [Link("Sprints", "index.html"), Link("Deep", "p/deep/S01.html"), Link("Log", "p/log.html")]
        html = page(report, {"p": WHOLE}, "S01", nav)
        assert 'href="../../index.html"' in html and 'href="../log.html"' in html
        assert '<a href="S01.html" aria-current="page">' in html
        assert 'aria-label="Reports"' not in page(report, {"p": WHOLE}, "S01", nav[:1])

    @pytest.mark.parametrize(
        ("value", "form", "text"),
        [
            (None, Form.AUTO, "–"), (float("nan"), Form.MEASURE, "–"), (True, Form.AUTO, "yes"), (0, Form.AUTO, "0"),
            (0.0, Form.SHARE, "0.0 %"), (1234567, Form.AUTO, "1,234,567"), (0.123456, Form.AUTO, "0.1235"),
        ],
    )  # fmt: skip
    def test_values_are_written_one_way(self, value, form, text):
        assert shown(value, form) == text


class TestRegistry:
    def test_the_platforms_reports_have_pages_of_their_own(self):
        assert [reports()[name].page("p", "S01") for name in ("sprints", "sprint", "backlog", "model_card")] == [
            "index.html", "p/S01.html", "p/backlog.html", "p/model_card/S01.html",
        ]  # fmt: skip

    def test_an_unknown_name_is_refused_with_similar_ones(self):
        with pytest.raises(ReportError, match="did you mean backlog"):
            report_named("backlogs")
        with pytest.raises(ReportError, match=r"reports: .*sprints"):
            report_named("zzz")

    @pytest.mark.parametrize(("name", "path"), [("backlog", "p.html"), ("other", "{product}/{sprint}.html")])
    def test_two_reports_with_one_name_or_page_are_refused(self, monkeypatch, name, path):
        class Twice:
            __name__ = "twice.pages"
            REPORTS = (*reports().values(), Report(name, "Other", Per.SPRINT, lambda *_: None, path=path))

        monkeypatch.setattr(registered, "modules", lambda _name: (Twice,))
        with pytest.raises(ReportError, match="rename this one"):
            reports.__wrapped__()

    @pytest.mark.parametrize("name", ["", "Volume", "2013-S07", "../up", "a b"])
    def test_a_name_that_is_no_file_name_is_refused(self, name):
        with pytest.raises(ReportError, match="small letters"):
            Report(name, "x", Per.SITE, lambda *_: None)


def entry(product: str = "p", sprint: str = "") -> Entry:
    return Entry("log", product, sprint)


def nothing(_path: str, _entry: Entry) -> bool:
    return False


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "site")
    made.update({"p/a.html": (entry(), "A"), "p/b.html": (entry(), "B")}, nothing)
    return made


class TestManifest:
    def test_it_names_report_product_sprint_and_content(self, site):
        site.update({"p/log/S01.html": (entry(sprint="S01"), "text")}, nothing)
        assert json.loads((site.root / MANIFEST).read_text())["files"] == {
            "p/log/S01.html": {"report": "log", "product": "p", "sprint": "S01", "hash": text_hash("text")}
        }

    def test_what_is_no_longer_wanted_goes_and_nothing_else(self, site):
        (site.root / "p" / "own.html").write_text("mine")
        (site.root / "p" / "data.csv").write_text("mine")
        site.update({"p/a.html": (entry(), "A")}, nothing)
        assert sorted(one.name for one in (site.root / "p").iterdir()) == ["a.html", "data.csv", "own.html"]
        assert list(site.entries()) == ["p/a.html"]

    def test_a_folder_that_gets_empty_goes_too(self, site):
        site.update({"index.html": (entry(""), "first")}, nothing)
        assert not (site.root / "p").exists() and site.first.is_file()

    def test_a_file_of_somebody_else_is_not_replaced(self, site):
        (site.root / "p" / "c.html").write_text("mine")
        written = site.update({"p/c.html": (entry(), "C")}, lambda *_: True)
        assert (site.root / "p" / "c.html").read_text() == "mine" and written.pages == []
        (note,) = written.notes
        assert "p/c.html was not written by Sprintline" in note and "move the file away" in note
        site.update({}, nothing)
        assert (site.root / "p" / "c.html").read_text() == "mine"

    def test_a_page_edited_by_hand_is_replaced_and_reported(self, site):
        (site.root / "p" / "a.html").write_text("A, edited")
        written = site.update({"p/a.html": (entry(), "A2")}, lambda *_: True)
        assert (site.root / "p" / "a.html").read_text() == "A2"
        assert "a.html was edited by hand; the edit was replaced" in written.notes[0]
        assert site.update({"p/a.html": (entry(), "A3")}, lambda *_: True).notes == []

    def test_a_page_edited_by_hand_that_is_not_wanted_stays_and_is_reported(self, site):
        (site.root / "p" / "a.html").write_text("A, edited")
        written = site.update({}, nothing)
        assert (site.root / "p" / "a.html").read_text() == "A, edited" and not (
            site.root / "p" / "b.html"
        ).exists()
        assert "edited by hand, so it stays" in written.notes[0] and site.entries() == {}

    @pytest.mark.fault
    @pytest.mark.parametrize("dies_at", range(4), ids=["manifest", "page one", "page two", "manifest again"])
    def test_a_kill_anywhere_is_repaired_by_the_next_writing(self, site, monkeypatch, dies_at):
        """Of a page that changes and a new one: neither is left as somebody else's, nor called edited."""
        writes, write = [], Site.write

        def dying(self: Site, name: str, text: str) -> Path:
            if len(writes) == dies_at:
                raise KeyboardInterrupt
            writes.append(name)
            return write(self, name, text)

        texts = {"p/a.html": (entry(), "A2"), "p/c.html": (entry(), "C")}
        monkeypatch.setattr(Site, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            site.update(texts, nothing)
        monkeypatch.undo()
        assert site.update(texts, nothing).notes == []
        assert {name: (site.root / name).read_text() for name in texts} == {"p/a.html": "A2", "p/c.html": "C"}
        assert site.update({}, nothing).notes == []
        assert [one.name for one in site.root.rglob("*.html")] == [], "what a killed process wrote is known"

    def test_a_file_that_came_after_a_kill_is_somebody_elses(self, site, monkeypatch):
        write = Site.write

        def manifest_only(self: Site, name: str, text: str) -> Path:
            if name != MANIFEST:
                raise KeyboardInterrupt
            return write(self, name, text)

        monkeypatch.setattr(Site, "write", manifest_only)
        with pytest.raises(KeyboardInterrupt):
            site.update({"p/c.html": (entry(), "C")}, lambda *_: True)
        monkeypatch.undo()
        (site.root / "p" / "c.html").write_text("mine")
        assert "was not written by Sprintline" in site.update({"p/c.html": (entry(), "C")}, nothing).notes[0]
        assert site.entries() == {} and site.update({}, nothing).notes == []
        assert (site.root / "p" / "c.html").read_text() == "mine"

    @pytest.mark.parametrize(
        "manifest", [None, "half a mani", "[]", '{"files": {"a": 1}}', '{"files": {"a": {}}}']
    )
    def test_without_a_readable_manifest_pages_are_known_by_their_signature(self, tmp_path, manifest):
        site = Site(tmp_path / "site")
        site.write("p/S01.html", f"<footer>{SIGNATURE}.</footer>")
        site.write("p/summary.json", json.dumps({"product": "p", "sprints": []}))
        site.write("p/own.html", "mine")
        site.write("p/own.json", json.dumps({"product": "another"}))
        if manifest is not None:
            site.write(MANIFEST, manifest)
        assert sorted(site.entries()) == ["p/S01.html", "p/summary.json"]
        site.update({}, nothing)
        assert sorted(one.name for one in (site.root / "p").iterdir()) == ["own.html", "own.json"]

    def test_every_page_has_the_signature(self):
        assert SIGNATURE in page(Report("whole", "Whole", Per.SITE, lambda *_: None), {})

    def test_a_manifest_that_cannot_be_written_changes_no_page(self, site, monkeypatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            site.update({"p/a.html": (entry(), "A2")}, nothing)
        monkeypatch.undo()
        assert (site.root / "p" / "a.html").read_text() == "A" and (site.root / "p" / "b.html").exists()
