"""Pages of the sprint site: the status' figures, nothing from elsewhere, and a team's words are only words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sprintline.delivery import pages
from sprintline.delivery.pages import sprint_document, sprints_document
from sprintline.delivery.rules_page import rules_document
from sprintline.delivery.status import SprintStatus, State
from sprintline.mechanisms.reports import glossary as glossary_file
from sprintline.mechanisms.reports.document import Column, Curves, Document, Paragraph, Section, Table
from sprintline.mechanisms.reports.glossary import glossary, meaning
from sprintline.mechanisms.reports.render import markdown
from sprintline.mechanisms.reports.render import page as rendered
from sprintline.mechanisms.reports.report import report_named
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.product.spec import RuleOverride

HOSTILE = """<script>alert("x")</script><img src=http://example.org/x onerror=alert(1)>'"</title></style>"""
METRICS = {
    "roc_auc": 0.7446, "average_precision": 0.5165, "brier": 0.1513,
    "naive": {"roc_auc": 0.6142, "average_precision": 0.332, "brier": 0.172}, "twin": None,
}  # fmt: skip


def first_page(products: list[dict[str, Any]]) -> str:
    return rendered(report_named("sprints"), {one["product"]: sprints_document(one) for one in products})


def sprint_page(detail: dict[str, Any]) -> str:
    report = report_named("sprint")
    return rendered(report, {detail["product"]: sprint_document(detail)}, detail["row"]["sprint"])


def row(number: int = 7, **changed: Any) -> dict[str, Any]:
    status = SprintStatus(
        "flights", f"2013-S{number:02}", "2013-03-26T04:00:00+00:00", "2013-04-09T04:00:00+00:00", State.CLOSED,
        "2013-03-26", rows={"questions": 13145, "weather": 1008}, done=True,
        rules={"pass": 90, "fail": 1, "insufficient": 0, "not_passing": ["MO501"]}, champion="584c6630af111fc0",
        trained=None, metrics=METRICS, positive_rate=0.15, drift="suspected", decision="none", why="too few rows",
    )  # fmt: skip
    return {**status.as_dict(), "drift_count": 2, **changed}


def product(*rows: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "product": "flights", "title": "Flights", "description": "Late?", "now": "2013-07-17T04:00:00+00:00",
        "error": None, "sprints": list(rows), "backlog": [], **changed,
    }  # fmt: skip


def detail(verdicts: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    return {
        "product": "flights", "title": "Flights", "now": "2013-07-17T04:00:00+00:00", "row": row(**changed),
        "verdicts": verdicts, "drift": {"why": "12% of 48 features moved"}, "report": True, "kept": {},
        "before": None, "after": "2013-S08",
    }  # fmt: skip


def verdict(code: str, outcome: str, sentence: str, **changed: Any) -> dict[str, Any]:
    return {
        "code": code, "claim": "looks like the training data", "asset": "drift", "subject": "", "outcome": outcome,
        "severity": "warn", "sentence": sentence, "remedy": "look at the features named", **changed,
    }  # fmt: skip


class Tags(HTMLParser):
    """All tags of a page with their attributes; closing what was not opened fails."""

    VOID = frozenset(("meta", "link", "br", "img", "wbr"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"


PAGES = {
    "first": first_page([product(row(), row(8, trained="drift", decision="promote"))]),
    "nothing": first_page([]),
    "empty": first_page([product()]),
    "broken": first_page([{"product": "flights", "title": "flights", "error": "defs.yaml:3: is missing"}]),
    "sprint": sprint_page(detail([verdict("MO501", "fail", "drift is confirmed")])),
    "begun": sprint_page(detail([], state="waiting", rows={}, metrics=None, done=False, missing=["no file"])),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_asks_nobody_for_anything(name):
    page = PAGES[name]
    tags = Tags(page).found
    assert not {"script", "iframe", "object", "embed", "form", "img"} & {tag for tag, _ in tags}
    policy = next(one["content"] for tag, one in tags if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    targets = [one[name] for _, one in tags for name in ("href", "src", "xlink:href") if name in one]
    assert all(
        re.match(
            r"(#|\.\./|[\w.-]+/[\w.-]+\.html$|[\w.-]+\.html$|([\w.-]+/)?rules\.html#[A-Z]+\d+$|data:,$)", one
        )
        for one in targets
    ), targets
    assert "url(" not in page and "@import" not in page and "@font-face" not in page
    ids = [one["id"] for _, one in tags if "id" in one]
    assert len(ids) == len(set(ids)), "an anchor leads to one place"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_without_seeing_it(name):
    tags = Tags(PAGES[name]).found
    names = [tag for tag, _ in tags]
    assert next(one for tag, one in tags if tag == "html")["lang"] == "en"
    assert names.count("h1") == 1 and names.count("main") == 1
    ids = {one["id"] for _, one in tags if "id" in one}
    for tag, one in tags:
        if tag == "svg":
            labels = (one.get("aria-labelledby") or "").split()
            assert one.get("aria-hidden") or (one["role"] == "img" and labels and set(labels) <= ids)
        if tag == "th":
            assert one["scope"] in ("row", "col")


class TestFirst:
    def test_tells_what_the_status_tells(self):
        page = PAGES["first"]
        for shown in (
            "2013-S07",
            "13,145",
            "15.0 %",
            "584c6630",
            "0.745",
            "0.614 · –",
            "suspected",
            "too few rows",
        ):
            assert shown in page, shown
        assert "(trained: drift)" in page and "2 of 2" in page
        assert 'href="flights/2013-S07.html"' in page

    def test_says_what_to_do_where_there_is_nothing(self):
        assert "sprintline new PRODUCT" in PAGES["nothing"]
        assert "sprintline replay flights" in PAGES["empty"] and "<svg" not in PAGES["empty"]
        assert "defs.yaml:3: is missing" in PAGES["broken"] and "sprintline check flights" in PAGES["broken"]

    def test_a_teams_words_stay_words(self):
        hostile = row(
            why=HOSTILE, champion=HOSTILE, decision=HOSTILE, state="closed", missing=[HOSTILE], done=False
        )
        item = dict.fromkeys(
            (
                "id",
                "what",
                "asset",
                "seen",
                "sightings",
                "since",
                "last",
                "waived",
                "evidence",
                "priority",
                "started",
                "owner",
                "severity",
            ),
            HOSTILE,
        )
        page = first_page([product(hostile, title=HOSTILE, description=HOSTILE, backlog=[item])])
        page += first_page([{"product": "p", "title": HOSTILE, "error": HOSTILE}])
        told = detail([verdict(HOSTILE, "fail", HOSTILE, claim=HOSTILE, remedy=HOSTILE, asset=HOSTILE)])
        page += sprint_page({**told, "title": HOSTILE, "row": hostile, "drift": {"why": HOSTILE}})
        assert "alert(" in page and "<script" not in page and "<img" not in page
        assert page.count("</style>") == page.count("<style>") == 3
        assert not re.search(r'"[^"<>]*"x"', page), "a quote ended an attribute"

    def test_several_products_can_be_reached_from_the_top(self):
        page = first_page([product(row()), product(row(), product="parcels", title="Parcels")])
        assert 'href="#parcels"' in page and 'id="parcels"' in page


class TestSprint:
    def test_tells_every_verdict_with_its_sentence_the_bad_ones_first(self):
        page = sprint_page(
            detail(
                [
                    verdict("DQ101", "pass", "all is well"),
                    verdict("MO501", "insufficient", "nothing to compare"),
                ]
            )
        )
        assert page.index("nothing to compare") < page.index("all is well")
        assert "Fix: look at the features named." in page and 'id="MO501-drift"' in page
        assert "12% of 48 features moved" in page and "../../reports/flights/drift/2013-S07.html" in page
        assert 'href="2013-S08.html"' in page

    def test_rows_by_table_and_what_is_missing(self):
        page = sprint_page(detail([], missing=["ML401 on predictions: no champion"], done=False))
        assert "1,008" in page and "</a> on predictions: no champion" in page and "not Done" in page

    def test_a_restatement_and_an_approval_are_told(self):
        approved = {"by": "sam", "reason": "seen", "stands": False, "why_not": "the data has changed since"}
        restated = [{"told": "2013-S07 was restated", "open": True, "attested_by": None}]
        page = sprint_page(detail([], restated=restated, approved=approved))
        assert "2013-S07 was restated" in page and "No attestation yet" in page
        assert "the data has changed since" in page


LONG = (
    "the champion was trained on departures from before the new timetable, " * 4 + "and this is the end of it"
)


class TestRules:
    def test_every_rule_has_a_place_with_what_the_product_changed(self):
        page = rendered(
            report_named("rules"),
            {"flights": rules_document("Flights", {"MO503": RuleOverride(threshold=0.4)})},
        )
        ids = {one["id"] for _, one in Tags(page).found if "id" in one}
        assert set(all_rules()) <= ids
        own = page[page.index('id="MO503"') : page.index('id="MO504"')]
        assert "0.4" in own and "What to do" in own

    def test_every_link_to_a_rule_leads_to_one(self):
        shown = sprint_page(
            detail(
                [verdict("MO501", "fail", "see MO503, and XY999 is none"), verdict("XY999", "pass", "of an extension")],
                missing=["ML401 on predictions: no champion"], why="DQ102 fails on weather", done=False,
            )
        )  # fmt: skip
        shown += first_page([product(row(why="DQ102 fails on weather"))])
        rules = rendered(report_named("rules"), {"flights": rules_document("Flights", {})})
        ids = {one["id"] for _, one in Tags(rules).found if "id" in one}
        links = [
            one["href"]
            for _, one in Tags(shown.replace("<!doctype html>", "")).found
            if "rules.html" in (one.get("href") or "")
        ]
        assert {one.rpartition("#")[2] for one in links} == {"MO501", "MO503", "ML401", "DQ102"} and links
        assert {one.rpartition("#")[2] for one in links} <= ids
        assert {one.rpartition("#")[0] for one in links} == {"rules.html", "flights/rules.html"}

    def test_a_long_reason_is_whole(self):
        assert len(LONG) > 200
        page = sprint_page(
            detail([verdict("MO501", "fail", LONG), verdict("MO503", "pass", LONG + "!")], why=LONG)
        )
        assert page.count(LONG) == 3 and "…" not in page


class TestWords:
    @pytest.mark.parametrize("name", ["first", "sprint"])
    def test_words_are_explained_as_the_glossary_has_them(self, name):
        for word in ("baseline", "interpretable twin"):
            assert f"<dfn>{word.capitalize()}</dfn>: {meaning(word)}" in PAGES[name]
        assert "interpretable model" in meaning("interpretable twin")

    def test_insufficient_and_attested_are_explained_where_they_are_shown(self):
        page = sprint_page(
            detail([], drift="insufficient", restated=[{"told": "x", "open": True, "attested_by": None}])
        )
        assert page.index("<dfn>Insufficient evidence</dfn>") < page.index('id="decision"')
        assert f"<dfn>Attested</dfn>: {meaning('attested')}" in page
        assert "<dfn>Insufficient evidence" in first_page([product(row(drift="insufficient"))])
        assert "<dfn>Insufficient evidence" not in PAGES["sprint"]

    def test_every_word_of_a_template_is_in_the_glossary(self):
        folder = Path(pages.__file__).parent / "templates"
        used = {
            word for file in folder.glob("*.j2") for found in re.findall(r"words\(\[(.*?)\]\)", file.read_text())
            for word in re.findall(r'"(.*?)"', found)
        }  # fmt: skip
        assert len(used) >= 4 and used <= set(glossary())

    def test_a_clone_without_a_glossary_has_its_pages(self, monkeypatch, tmp_path):
        monkeypatch.setattr(glossary_file, "FILE", tmp_path / "none.md")
        glossary.cache_clear()
        try:
            assert "<dfn>" not in first_page([product(row())])
        finally:
            glossary.cache_clear()


UNKNOWN = {"roc_auc": None, "average_precision": None, "brier": None}


class TestDashes:
    def test_before_any_figure_there_is_no_table_of_dashes(self):
        bare = row(metrics=None, champion=None, drift=None, positive_rate=None, decision=None, why=None)
        page = first_page([product(bare)])
        assert "ROC-AUC" not in page and 'data-label="champion"' not in page
        assert "No prediction is scored yet" in first_page([product({**bare, "positive_rate": 0.2})])

    def test_measures_without_a_figure_are_no_table(self):
        page = sprint_page(detail([], metrics={**UNKNOWN, "naive": UNKNOWN, "twin": None}))
        assert dashes(page) == [] and "interpretable twin</th>" not in page
        begun = sprint_page(detail([], metrics=None, champion=None))
        assert "No model answered the questions of this sprint" in begun and dashes(begun) == []

    def test_a_table_of_any_report_without_a_value_is_a_sentence(self):
        table = Table((Column("a"), Column("b")), (("x", None), ("y", None)), lacking="Nothing was sold yet.")
        html = rendered(report_named("backlog"), {"p": Document("Log", (Section("S", (table,)),))})
        assert (
            "<table" not in html
            and "Nothing was sold yet." in html
            and "Nothing was sold" in markdown(Document("L", (Section("", (table,)),)))
        )

    @pytest.mark.parametrize("name", PAGES)
    def test_no_page_has_one(self, name):
        assert dashes(PAGES[name]) == []

    def test_a_cell_without_a_value_is_left_out_on_a_phone(self):
        page = first_page([product(row(), row(8, champion=None, metrics=None))])
        assert page.count("none") >= 1 and '<td data-label="champion" class=" none">' in page


def dashes(page: str) -> list[str]:
    """Tables in which every cell but the names of rows is a dash."""
    found = []
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        cells = [
            re.sub(r"<.*?>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", table, re.DOTALL)
        ]
        if cells and set(cells) <= {"–", ""}:
            found.append(table)
    return found


class TestKept:
    SECTION = Section(
        "Calibration", (Paragraph("As recorded."), Curves("C", "p", (0.1, 0.9), {"observed": (0.2, 0.8)}))
    )

    def test_what_an_asset_kept_is_on_the_page_in_json_and_in_markdown(self):
        told = {**detail([]), "kept": {"diagnosis": Document("D", (self.SECTION,)), "moved": None}}
        page = sprint_page(told)
        Tags(page)
        assert "As recorded." in page and page.count('role="img"') == 1 and "No model answered" not in page
        text = markdown(sprint_document(told))
        assert "## Calibration" in text and "| 0.100 | 0.200 |" in text

    def test_without_it_one_sentence_says_why(self):
        assert "materialize scores for it" in sprint_page(detail([]))
        assert "not scored yet" in sprint_page(detail([], state="waiting", metrics=None))
