"""What an analyst sees: the Dagster UI over closed sprints, and the sprint site at a desk and on a phone.

A small product's four sprints are replayed once. Of the fourth, its provider delivers too little, so one check fails;
and its contract classifies the district as personal.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.looking import (
    LAPTOP,
    LOOPBACK,
    PHONE,
    Noticed,
    await_ui,
    browser,
    chromium,
    drawn,
    free_port,
)
from tests.delivery.sprint_pages import regression_page
from tests.end_to_end.conftest import Clone, make_clone
from tests.parts import require

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]
expect.set_options(timeout=60_000)  # what is waited for comes at once on an idle machine

LAST, PROMISED = "2026-S04", "the contract promises at least 450 and at most 2,000"
CUT_OFF = """

_whole = provide


def provide(sprint):
    frames = _whole(sprint)
    if sprint.key.endswith("-S04"):
        frames["deliveries"] = frames["deliveries"].head(400)
    return frames
"""
ONLY_WARN = "\n  rules:\n    DQ102:\n      severity: warn\n"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose only product has closed four sprints, the last of them on too few deliveries."""
    require(chromium(), "chromium (Debian's package `chromium`)")
    clone = make_clone(tmp_path_factory)
    products = clone.root / "platform" / "products"
    with (products / "parcels" / "sources.py").open("a") as sources:
        sources.write(CUT_OFF)
    with (products / "parcels" / "defs.yaml").open("a") as declaration:
        declaration.write(ONLY_WARN)
    contract = products / "parcels" / "contracts" / "orders.yaml"
    text = contract.read_text()
    personal, changed = re.subn(
        r"(- name: district\n(?:        .*\n)*?        classification: )\w+", r"\1personal", text
    )
    assert changed == 1
    contract.write_text(personal)
    clone.run("replay", clone.product, "--sprints", "4")
    return clone


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    path = chromium()
    require(path, "chromium (Debian's package `chromium`)")
    with browser(str(path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def ui(closed: Clone) -> Iterator[str]:
    """`sprintline ui` over that state, gone again at the end with all it started."""
    port = free_port()
    process = closed.start("ui", "--port", str(port))
    address = f"http://{LOOPBACK}:{port}"
    try:
        await_ui(address, process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        finally:
            for left in closed.processes():
                os.kill(left, signal.SIGKILL)


@pytest.fixture
def page(chrome: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at a desk; whatever it shows, nothing leaves this machine and its console has no error."""
    opened = chrome.new_page(viewport=getattr(request, "param", LAPTOP))
    opened.set_default_timeout(60_000)
    noticed = Noticed()
    noticed.watch(opened)
    yield opened
    opened.close()
    assert noticed.strangers == [], "a page asked for something beyond this machine"
    assert noticed.errors == []


class TestDagster:
    def test_lineage_has_the_stages_and_the_assets_before_an_increment(self, page, ui):
        page.goto(f"{ui}/asset-groups")
        for group in ("raw", "warehouse", "features", "models", "monitoring", "delivery"):
            expect(page.get_by_text(group, exact=True).first).to_be_visible()
        page.goto(f"{ui}/assets/parcels/increment?view=lineage&lineageScope=upstream&lineageDepth=1")
        for asset in ("champion", "online_features", "predictions", "scores", "drift"):
            expect(page.get_by_text(asset, exact=True).first).to_be_visible()

    def test_a_check_that_fails_says_why_and_what_to_do(self, page, ui):
        page.goto(f"{ui}/assets/parcels/deliveries?view=checks&checkDetail=DQ102_lands_the_promised_volume")
        sentence = page.get_by_text(f"400 rows landed; {PROMISED}")
        expect(sentence.first).to_be_visible()
        expect(sentence.first).to_contain_text(f"{LAST} fails")
        expect(sentence.first).to_contain_text("ask the provider for the missing rows")
        expect(page.get_by_text("Failed", exact=True).first).to_be_visible()

    @pytest.mark.parametrize(
        ("asset", "sprint", "key"),
        [("scores", LAST, "calibration"), ("candidate", "2026-S03", "importance")],
    )
    def test_a_models_plots_are_drawn(self, page, ui, asset, sprint, key):
        page.goto(f"{ui}/assets/parcels/{asset}?view=events&partition={sprint}")
        row = page.get_by_role("row").filter(has_text=key).filter(has_text="[Show Markdown]").last
        row.get_by_text("[Show Markdown]").click()
        pictures = drawn(page)
        assert pictures and all(width > 0 for _, width in pictures), pictures

    def test_the_backlog_has_its_board(self, page, ui):
        page.goto(f"{ui}/assets/parcels/backlog?view=events&partition={LAST}")
        board = page.get_by_role("row").filter(has_text="board").last
        expect(board).to_contain_text("DQ102 lands the promised volume: does not hold")
        expect(board).to_contain_text("deliveries")
        expect(page.get_by_text(f"{LAST}: 400 rows landed").first).to_be_visible()
        check = page.get_by_role("link", name="DQ102 on deliveries").first.get_attribute("href")
        page.goto(f"{ui}{check}")
        expect(page.get_by_text("If not: ask the provider for the missing rows").first).to_be_visible()

    def test_an_increment_opens_with_its_summary(self, page, ui):
        page.goto(f"{ui}/assets/parcels/increment?view=events&partition={LAST}")
        first = page.get_by_role("row").filter(has_text="summary").first
        expect(first).to_contain_text(f"{LAST} is not Done")
        expect(first.get_by_role("link", name="DQ102 on deliveries")).to_be_visible()


class TestSite:
    @pytest.mark.parametrize("page", [LAPTOP, PHONE], indirect=True, ids=["desk", "phone"])
    def test_the_first_page_shows_every_sprint_and_draws_its_charts(self, page, closed):
        page.goto((closed.state / "site" / "index.html").as_uri())
        rows = closed.sprints()
        for key in list(rows)[:4]:
            row = page.locator(f"#parcels-{key}")
            expect(row.get_by_role("link", name=key)).to_be_visible()
            expect(row).to_contain_text("closed")
        metrics = rows[LAST]["metrics"]
        expect(page.locator(f"#parcels-{LAST}")).to_contain_text(f"{metrics['roc_auc']:.3f}")
        charts = page.get_by_role("img")
        assert charts.count() >= 4, (
            "three measures and the rate; drift has no figure before a champion's first sprints"
        )
        for chart in charts.all():
            box = chart.bounding_box()
            assert box and box["width"] > 250 and box["height"] > 100
            assert chart.locator("path.series, rect.bar").count() > 0
        first = page.get_by_role("img", name="ROC-AUC (higher is better)").locator("text.label")
        assert "S04" in first.all_text_contents() and "S01" not in first.all_text_contents()
        assert _fits(page)

    @pytest.mark.parametrize("page", [LAPTOP, PHONE], indirect=True, ids=["desk", "phone"])
    def test_a_sprints_page_tells_the_failure_and_leads_back(self, page, closed):
        page.goto((closed.state / "site" / "index.html").as_uri())
        page.get_by_role("link", name=LAST).click()
        failed = page.locator("#DQ102-deliveries")
        expect(failed).to_contain_text(f"400 rows landed; {PROMISED}")
        expect(failed).to_contain_text("Fix: ask the provider")
        assert _fits(page)
        page.get_by_text("that pass").click()
        expect(page.locator("#DQ101-deliveries")).to_be_visible()
        assert _fits(page)
        page.get_by_role("link", name="All sprints").click()
        expect(page.get_by_role("heading", name="Sprints", exact=True).first).to_be_visible()

    @pytest.mark.parametrize("page", [LAPTOP, PHONE], indirect=True, ids=["desk", "phone"])
    def test_a_sprints_page_shows_where_its_predictions_were_right(self, page, closed):
        page.goto((closed.state / "site" / f"parcels/{LAST}.html").as_uri())
        for title in ("What drives the model", "Calibration", "Precision by threshold", "Quality by slice"):
            expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.get_by_role("img", name="Observed share by predicted probability")).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert _fits(page) and _cut(page) == []
        text = page.locator("body").inner_text()
        assert "courier swift" in text and "(district)" in text
        assert not [name for name in ("centre", "harbour") if name in page.content()], (
            "districts are personal"
        )

    @pytest.mark.parametrize("page", [LAPTOP, PHONE], indirect=True, ids=["desk", "phone"])
    def test_so_does_the_page_of_a_product_that_predicts_numbers(self, page, tmp_path: Path):
        file = tmp_path / "2026-S04.html"
        file.write_text(regression_page())
        page.goto(file.as_uri())
        for title in (
            "Residuals",
            "Coverage",
            "Quality by slice",
            "Worst-predicted groups",
            "What moved in the inputs",
        ):
            expect(page.get_by_role("heading", name=title)).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        expect(page.get_by_role("region", name=re.compile("the farthest off")).first).to_be_visible()
        assert _fits(page) and _cut(page) == []

    def test_every_rule_of_a_sprint_leads_to_its_place(self, page, closed):
        page.goto((closed.state / "site" / f"parcels/{LAST}.html").as_uri())
        links = page.locator("a[href^='rules.html#']").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        page.locator("#DQ102-deliveries").get_by_role("link", name="DQ102").click()
        expect(page.get_by_role("heading", name="DQ102")).to_be_visible()
        places = set(page.locator("section[id]").evaluate_all("all => all.map(one => one.id)"))
        assert len(links) > 20 and {one.partition("#")[2] for one in links} <= places

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_words_stand_out_from_the_paper(self, page, closed, scheme):
        page.emulate_media(color_scheme=scheme)
        page.goto((closed.state / "site" / f"parcels/{LAST}.html").as_uri())
        paper = _rgb(page, "body", "backgroundColor")
        for selector in ("body", ".quiet", "a", ".good", ".bad", "td small"):
            contrast = _contrast(_rgb(page, selector, "color"), paper)
            assert contrast >= 4.5, f"{selector} in {scheme}: {contrast:.1f}, WCAG AA asks for 4.5"


def _fits(page: Page) -> bool:
    """Whether no one has to scroll sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def _cut(page: Page) -> list[str]:
    """Visible parts that are wider than their place: a reader would have to scroll them, or never see their end."""
    return page.evaluate(
        "[...document.querySelectorAll('main *')].filter(one => one.checkVisibility() && !one.closest('svg')"
        " && !one.closest('thead') && (one.getBoundingClientRect().right > window.innerWidth + 1"
        " || (one.matches('.scroll') && one.scrollWidth > one.clientWidth + 1)))"
        ".map(one => `${one.tagName} ${one.textContent.trim().slice(0, 60)}`)"
    )


def _rgb(page: Page, selector: str, name: str) -> list[float]:
    text = page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}")
    return [float(part) for part in text.strip("rgba()").split(",")[:3]]


def _contrast(one: list[float], other: list[float]) -> float:
    """Contrast ratio of two colours, as WCAG 2.1 defines it."""

    def luminance(colour: list[float]) -> float:
        linear = [
            c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in colour
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
