"""Status output at every width of a terminal: no word is cut, no column is empty, and reasons are whole or say so."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from sprintline.delivery.status import SprintStatus, State
from sprintline.delivery.table import SprintDetail, SprintTable

WIDTHS = (60, 72, 80, 100, 120, 140, 160, 200)
CHAMPION, OTHER = "f4cad65267e9dac3", "1b17d749e5cd9c66"
PROMOTED = (
    f"ROC-AUC +0.0164 against champion {CHAMPION} (95 % interval +0.0042 to +0.0291): better (trained for drift: drift "
    "is confirmed since 2013-S009 and not answered yet: 38,486 labelled rows in 3 updates are newer than 2013-S005. 8% "
    "of 48 features moved beyond what 5 sprints of training data show as ordinary (30% count as drift), farthest "
    "correlation origin_departure_delay_mean_3h × pressure_change_3h_mb at 0.32 with 0.10 ordinary)"
)
COVERAGE = (
    "FT303 on question_features: fail: least covered is flight_number_delays: 84.2% of the questions have its "
    "features; required: 90%"
)
UNANSWERED = "ML401 on predictions: insufficient: no champion before this sprint, so no question was answered"
REFUSED = (
    "international_departures was refused: the file has the columns flight_number, scheduled_departure, tail_number "
    "and origin_airport where the contract asks for carrier_code, scheduled_departure_local, tail_number and origin"
)
WAIVED = "DQ102 on departures: waived by sam.okafor@example.org until 2013-08-02 00:00 UTC (a new sensor): fail: 3 rows"
TOLD = "2013-S011 was restated: new file of arrivals; 3 data versions changed (arrivals 12,118 → 12,120 rows)"
METRICS = {
    "roc_auc": 0.745, "average_precision": 0.522, "brier": 0.151,
    "naive": {"roc_auc": 0.614, "average_precision": 0.332, "brier": 0.172},
    "twin": {"roc_auc": 0.732, "average_precision": 0.467, "brier": None},
}  # fmt: skip


def row(number: int, state: str = "closed", **more) -> SprintStatus:
    start, end = "2013-04-23T04:00:00+00:00", "2013-05-07T04:00:00+00:00"
    return SprintStatus("p", f"2013-S{number:03d}", start, end, State(state), "2013-04-23", **more)


def restated(*, open_: bool) -> dict:
    return {"open": open_, "attested_by": None if open_ else "dana.reyes@example.org", "told": TOLD}


RULES = {"pass": 101, "fail": 2, "insufficient": 0, "not_passing": ["MO501", "MO503"]}
ROWS = [
    row(1, rows={"questions": 12_208}, missing=[COVERAGE, UNANSWERED], positive_rate=0.183, drift="insufficient",
        decision="none", why="no champion yet: 1 of 6 sprints closed before the first model is made"),
    row(9, rows={"questions": 1_234_567_890, "international_departures": 987_654_321}, done=True, waived=[WAIVED],
        positive_rate=1.0, drift="confirmed", drift_why=PROMOTED[PROMOTED.index("8% of"):], decision="promote",
        trained="drift", why=PROMOTED, champion=CHAMPION, metrics=METRICS, rules=RULES),
    row(10, rows={"questions": 13_019}, done=True, champion=OTHER, metrics={**METRICS, "naive": None, "twin": None},
        positive_rate=0.2, drift="none", decision="hold", trained="new_data", why="; ".join([COVERAGE] * 4),
        restated=[restated(open_=True), restated(open_=False)]),
    row(11, rows={"questions": 13_019}, done=True, champion=OTHER, drift="suspected", decision="none", why="quiet",
        restated=[restated(open_=False)],
        approved={"by": "dana.reyes@example.org", "reason": "shown in the review", "expires": "2026-12-31",
                  "stands": False, "why_not": "the data has changed since"}),
    row(12, "refused", missing=[REFUSED], why=REFUSED),
    row(13, "waiting", missing=["no file of it has been taken in"]),
    row(14, "open"),
    row(15, "planned"),
]  # fmt: skip


def printed(renderable, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(renderable, crop=False)
    return out.getvalue()


def words(text: str) -> set[str]:
    return set(text.split())


def source_words(rows) -> set[str]:
    """Every word that the rows, the labels and the legend are made of."""
    found = words(
        "Flights (p) sprint state rows: done rate: champion: ROC-AUC: av. prec.: Brier: drift: decided: reason: "
        "rows rate champion ROC-AUC prec. Brier drift decided not Done: no: Done (1 waived) restated 2× "
        "closed, – · and 1 more (more) (naive twin (trained: drift): new_data): 23 Apr 2013 none: quiet "
    )
    for one in rows:
        found |= words(
            f"{one.why} {' '.join(one.missing)} {one.state} {one.sprint} {one.champion} {one.drift}"
        )
        found |= {
            f"{one.decision}:",
            f"{one.decision}",
            *(word.split(":")[0] for word in words(" ".join(one.missing))),
        }
        # A brief reason leaves out the punctuation at its end.
        found |= {word.rstrip(",;:.") for word in words(one.why or "")}
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_at_any_width(width):
    out = printed(SprintTable("Flights (p)", ROWS), width)
    lines = out.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" not in out and "..." not in out
    assert all(re.search(rf"^{one.sprint}\b", out, re.MULTILINE) for one in ROWS)
    body = " ".join(lines[: lines.index("")]).replace("─", "")
    figures = re.compile(r"\(?[\d,.%×]+[,)]?$")
    assert {word for word in words(body) - source_words(ROWS) if not figures.match(word)} == set()
    assert "1,234,567,890" in body and "f4cad65267e9dac3" in body and "100.0%" in body
    assert "sprintline status SPRINT" in " ".join(out.split())


@pytest.mark.parametrize("width", WIDTHS)
def test_no_column_of_the_table_is_empty(width):
    rows = [row(number, rows={"questions": 9}, done=True, decision="none", why="quiet") for number in (1, 2)]
    out = printed(SprintTable("Flights (p)", rows), width)
    if "  rows: 9" in out:
        assert "  decided: none: quiet" in out and width <= 80
        return
    header = " ".join(out.splitlines()[1].split())
    assert header == "sprint state rows done rate champion ROC-AUC av. prec. Brier drift decided"
    cells = re.split(r" {2,}", out.splitlines()[3].strip())
    assert cells == ["2013-S001", "closed", "9", "Done", *["–"] * 6, "none: quiet"]


def test_the_table_is_kept_where_its_rows_stay_low():
    assert "ROC-AUC  " in printed(SprintTable("Flights (p)", ROWS), 260)
    assert "  ROC-AUC: 0.745 (naive 0.614, twin 0.732)" in printed(SprintTable("Flights (p)", ROWS), 100)
    long = [row(1, decision="hold", why=" ".join(["reason"] * 20))]
    narrow, wide = (printed(SprintTable("Flights (p)", long), width) for width in (100, 160))
    assert "decided: hold: reason" in narrow and "decided: hold" not in wide


def test_a_card_has_at_most_five_lines_at_eighty_columns():
    usual = replace(ROWS[1], rows={"questions": 13_080}, positive_rate=0.231)
    lines = printed(SprintTable("Flights (p)", [usual]), 80).splitlines()
    card = lines[1 : lines.index("")]
    assert len(card) <= 5 and card[0].startswith("2013-S009  23 Apr 2013  closed  Done (1 waived)")
    assert card[-1].endswith("better (more)")


def test_a_title_and_a_reason_are_no_markup():
    out = printed(SprintTable("Flights [bold] (p)", [row(1, decision="none", why="[red] is a colour")]), 80)
    assert "[bold]" in out and "[red] is a colour" in out


@pytest.mark.parametrize("width", WIDTHS)
def test_one_sprint_has_every_reason_in_full(width):
    for one in ROWS:
        out = printed(SprintDetail("Flights (p)", one), width)
        assert max(map(cell_len, out.splitlines())) <= width and "…" not in out
        flat = " ".join(out.split())
        for reason in (
            one.why,
            one.drift_why,
            *one.missing,
            *one.waived,
            *(two["told"] for two in one.restated),
        ):
            assert not reason or " ".join(reason.split()) in flat
        assert one.sprint in flat and f"state {one.state}" in flat and "2013-05-07 04:00 UTC" in flat
        assert all(f"{asset} {count:,}" in flat for asset, count in one.rows.items())


def test_one_sprint_has_its_figures_beside_the_baselines():
    out = " ".join(printed(SprintDetail("Flights (p)", ROWS[1]), 80).split())
    assert "champion naive baseline interpretable twin ROC-AUC 0.745 0.614 0.732" in out
    assert (
        "Brier 0.151 0.172 –" in out
        and "rules 101 pass, 2 fail, 0 insufficient; not passing: MO501, MO503" in out
    )
    assert "decision promote (trained: drift): ROC-AUC +0.0164" in out
    out = " ".join(printed(SprintDetail("Flights (p)", ROWS[3]), 80).split())
    assert "state closed, restated" in out and "; dana.reyes@example.org attested to it" in out
    assert "approved by dana.reyes@example.org until 2026-12-31: shown in the review; no longer valid" in out


def test_a_word_longer_than_the_line_stays_whole():
    path = f"/data/{'x' * 90}/2013-S012.csv"
    one = row(12, "refused", missing=[f"arrivals was refused: {path}"], why=f"arrivals was refused: {path}")
    assert path in printed(SprintDetail("Flights (p)", one), 60).split()
    assert path in printed(SprintTable("Flights (p)", [one]), 60).split()


def test_classes_have_a_rate_that_is_told_and_their_shares_in_full():
    said = row(3, rows={"questions": 640}, shares={"billing": 0.32, "delivery": 0.68}, decision="none")
    table = printed(SprintTable("Tickets", [said]), 160)
    assert "68.0%" in table and "rate: share of the most frequent class." in table
    assert "positive outcomes" not in table
    detail = " ".join(printed(SprintDetail("Tickets", said), 80).split())
    assert "classes billing 32.0% delivery 68.0%" in detail
