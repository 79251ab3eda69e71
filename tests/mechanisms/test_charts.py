"""Charts of pages: gaps stay gaps, figures stand inside their axes, and each says in words what it shows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from sprintline.mechanisms.reports import charts

KEYS = ("2013-S01", "2013-S02", "2013-S03")


def draw(*figures: float | None, **more: Any) -> charts.Chart:
    chart = charts.lines("ROC-AUC", KEYS, {"champion": figures}, "{:.3f}".format, **more)
    assert chart is not None
    return chart


def test_a_gap_is_no_line():
    (line,) = draw(0.5, None, 0.75).lines
    assert line.path.count("M") == 2 and "L" not in line.path and len(line.dots) == 2


def test_it_begins_at_the_first_sprint_with_a_figure():
    chart = charts.lines("x", KEYS, {"champion": [None, 0.5, 0.6], "twin": [None, None, 0.7]}, str)
    assert chart is not None and [text for _, text in chart.x_labels] == ["S02", "S03"]
    assert chart.alt.startswith("x, 2013-S02 to 2013-S03") and len(chart.lines[1].dots) == 1
    bars = charts.bars("x", KEYS, [None, None, 0.4], ["none", "none", "confirmed"], str)
    assert bars is not None and [text for _, text in bars.x_labels] == ["S03"]
    assert [bar.style for bar in bars.bars] == ["confirmed"]


def test_a_mark_before_the_first_figure_is_left_out():
    marks = {"2013-S01": ("promoted", "trained"), "2013-S02": ("held", "trained")}
    assert [one.style for one in draw(None, 0.5, 0.6, marks=marks).marks] == ["held"]


def test_curves_keep_their_places_and_a_ranking_its_order():
    curve = charts.curves("c", "p", (0.1, 0.5, 0.9), {"observed": (0.2, None, 0.8)}, str, str, diagonal=True)
    assert curve is not None and len(curve.lines[0].dots) == 2 and len(curve.straights) == 1
    assert curve.lines[0].dots[0].x < curve.lines[0].dots[1].x
    ranking = charts.ranking(
        "r", ("a", "b" * 90), {"was": (2.0, None), "now": (1.0, -1.0)}, str, (1.5, "limit")
    )
    assert ranking is not None and [bar.style for bar in ranking.bars] == ["nth1", "nth2", "nth2"]
    assert ranking.bars[0].width > ranking.bars[1].width and ranking.bars[2].x < ranking.bars[1].x
    assert all(bar.x >= 0 and bar.x + bar.width <= ranking.width for bar in ranking.bars)
    assert len([word for word in ranking.words if set(word.text) == {"b"}]) == 2, (
        "a long name is on two lines"
    )
    assert "a was 2.0, now 1.0" in ranking.alt
    assert charts.curves("c", "p", (0.1,), {"x": (None,)}, str, str) is None
    assert charts.ranking("r", ("a",), {"x": (None,)}, str) is None


def test_higher_figures_stand_higher_and_inside():
    chart = draw(0.5, 0.6, 0.75)
    heights = [dot.y for dot in chart.lines[0].dots]
    assert heights == sorted(heights, reverse=True)
    assert all(chart.top <= y <= chart.bottom for y in heights)
    assert all(chart.left < dot.x < chart.right for dot in chart.lines[0].dots)


def test_axis_holds_round_figures_around_all_of_them():
    labels = [float(text) for _, text in draw(0.61, 0.7, 0.77).y_labels]
    assert labels == [0.6, 0.65, 0.7, 0.75, 0.8]
    flat = [float(text) for _, text in draw(0.5, 0.5, 0.5).y_labels]
    assert flat[0] <= 0.5 <= flat[-1] and len(flat) > 1


def test_shares_begin_at_zero():
    assert draw(0.3, 0.4, 0.35, from_zero=True).y_labels[0][1] == "0.000"


def test_it_says_all_it_shows():
    chart = draw(0.5, 0.6, 0.75, marks={"2013-S02": ("promoted", "trained (drift)")})
    assert chart.alt == "ROC-AUC, 2013-S01 to 2013-S03: champion 0.500 to 0.750, 0.750 in 2013-S03."
    assert chart.marks[0].alt == "2013-S02: trained (drift)"


def test_nothing_measured_draws_nothing():
    assert charts.lines("ROC-AUC", KEYS, {"champion": [None] * 3}, str) is None
    assert charts.bars("drift", KEYS, [None] * 3, ["none"] * 3, str) is None


def test_many_sprints_leave_room_for_their_names():
    keys = [f"2013-S{n:02}" for n in range(1, 105)]
    chart = charts.lines("x", keys, {"champion": [0.5] * 104}, str)
    assert chart is not None
    places = [x for x, _ in chart.x_labels]
    assert min(b - a for a, b in pairwise(places)) >= charts.LABEL_ROOM - 1


def test_bars_say_their_state_in_words_too():
    chart = charts.bars("drift", KEYS, [None, 0.0, 0.4], ["none", "none", "confirmed"], "{:.0%}".format)
    assert chart is not None
    assert [(bar.style, bar.alt) for bar in chart.bars] == [
        ("none", "2013-S02: 0%, none"), ("confirmed", "2013-S03: 40%, confirmed"),
    ]  # fmt: skip
    assert "2013-S03 confirmed" in chart.alt
    assert all(bar.height >= 1 and bar.y + bar.height <= chart.bottom + 0.1 for bar in chart.bars)
