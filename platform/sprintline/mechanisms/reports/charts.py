"""Charts of the sprint site as plain geometry: a template draws them as inline SVG, in the page's own colours.

Coordinates are those of the SVG's view box, so a chart stays sharp at every width. A missing figure (None) is a gap. A
chart over sprints begins at the first sprint that has a figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

WIDTH, HEIGHT = 400.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 14.0, 26.0
LABEL_ROOM = 34.0
"""Least distance between two labels of the lower axis."""
ACROSS = 16.0
"""Height of the name of a lower axis."""
NAME, BAR, GAP = 15.0, 9.0, 7.0
"""Heights in a ranking: a name, a bar below it, and the gap to the next name."""
FIGURE = 52.0
"""Room for the figure beside the longest bar of a ranking."""
MOST_LETTERS = 60
"""Letters of a name in a ranking that have room on a line."""

Figures = Sequence[float | None]


@dataclass(frozen=True)
class Dot:
    """One figure: its place, and what it says of itself when pointed at."""

    x: float
    y: float
    alt: str


@dataclass(frozen=True)
class Line:
    """One series. name: how the legend calls it, style: its CSS class, path: SVG path data."""

    name: str
    style: str
    path: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Bar:
    """One bar from the axis up; style: its CSS class."""

    x: float
    y: float
    width: float
    height: float
    style: str
    alt: str


@dataclass(frozen=True)
class Mark:
    """A moment worth a vertical line; style: its CSS class."""

    x: float
    style: str
    alt: str


@dataclass(frozen=True)
class Straight:
    """A straight line to compare with; alt: what it says when pointed at."""

    x1: float
    y1: float
    x2: float
    y2: float
    alt: str


@dataclass(frozen=True)
class Word:
    """A text at a place; style: its CSS class."""

    x: float
    y: float
    text: str
    style: str


@dataclass(frozen=True)
class Chart:
    """A chart ready to be drawn.

    alt: all it shows in a sentence, for whoever does not see it. across: name of the lower axis. names: of the series,
    where they are bars.
    """

    title: str
    alt: str
    x_labels: tuple[tuple[float, str], ...]
    y_labels: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    straights: tuple[Straight, ...] = ()
    words: tuple[Word, ...] = ()
    across: str = ""
    names: tuple[str, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def lines(
    title: str,
    keys: Sequence[str],
    series: Mapping[str, Figures],
    shown: Callable[[float], str],
    marks: Mapping[str, tuple[str, str]] | None = None,
    from_zero: bool = False,
) -> Chart | None:
    """Series over sprints as lines; None when there is no figure to draw.

    Args:
        title: what is drawn.
        keys: the sprints, oldest first.
        series: figures by name, one per sprint; the name is the CSS class too.
        shown: how a figure is written.
        marks: style and sentence of what happened, by sprint.
        from_zero: whether the axis begins at zero, as it should for shares.
    """
    first = _first(series.values())
    keys, series = keys[first:], {name: figures[first:] for name, figures in series.items()}
    ticks = _ticks([one for figures in series.values() for one in figures], from_zero)
    if not ticks:
        return None
    y = _scale(ticks)
    drawn = tuple(_line(name, keys, figures, y, shown) for name, figures in series.items())
    return Chart(
        title,
        _summary(title, keys, series, shown),
        _x_labels(keys),
        tuple((y(tick), shown(tick)) for tick in ticks),
        lines=drawn,
        marks=tuple(
            Mark(_x(keys, keys.index(key)), style, f"{key}: {alt}")
            for key, (style, alt) in (marks or {}).items()
            if key in keys
        ),
    )


def bars(
    title: str,
    keys: Sequence[str],
    figures: Figures,
    styles: Sequence[str],
    shown: Callable[[float], str],
    name: str = "share",
) -> Chart | None:
    """A figure per sprint as bars from zero; None when there is none.

    styles: state of each sprint, its CSS class. name: of the figures.
    """
    first = _first([figures])
    keys, figures, styles = keys[first:], figures[first:], styles[first:]
    ticks = _ticks(figures, from_zero=True)
    if not ticks:
        return None
    y, wide = _scale(ticks), max(2.0, 0.6 * (WIDTH - LEFT - RIGHT) / max(len(keys), 1))
    floor = HEIGHT - BOTTOM
    drawn = tuple(
        Bar(
            round(_x(keys, i) - wide / 2, 1),
            min(y(one), floor - 1),  # a bar of nothing is still seen to be there
            round(wide, 1),
            max(round(floor - y(one), 1), 1),
            styles[i],
            f"{keys[i]}: {shown(one)}, {styles[i]}",
        )
        for i, one in enumerate(figures)
        if one is not None
    )
    states = ", ".join(
        f"{key} {style}" for key, style, one in zip(keys, styles, figures, strict=True) if one is not None
    )
    alt = f"{_summary(title, keys, {name: figures}, shown)} {states}."
    labels = tuple((y(tick), shown(tick)) for tick in ticks)
    return Chart(title, alt, _x_labels(keys), labels, bars=drawn)


def curves(
    title: str,
    across: str,
    places: Sequence[float],
    series: Mapping[str, Figures],
    shown: Callable[[float], str],
    shown_across: Callable[[float], str],
    diagonal: bool = False,
    from_zero: bool = False,
) -> Chart | None:
    """Series over a scale of numbers; None when there is no figure to draw.

    Args:
        title: what is drawn.
        across: what the numbers of the lower axis are.
        places: these numbers, ascending.
        series: figures by name, one per place; the name is the CSS class too.
        shown, shown_across: how a figure and a place are written.
        diagonal: whether the line of equal values is drawn, to compare with.
        from_zero: whether the axis of figures begins at zero.
    """
    ticks = _ticks([one for figures in series.values() for one in figures], from_zero)
    if not ticks:
        return None
    low, high = places[0], max(places[-1], places[0] + 1e-9)
    height = HEIGHT + ACROSS
    floor = height - BOTTOM - ACROSS

    def x(place: float) -> float:
        return round(LEFT + 8 + (place - low) / (high - low) * (WIDTH - LEFT - RIGHT - 24), 1)

    def y(value: float) -> float:
        return round(floor - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (floor - TOP), 1)

    drawn = []
    for name, figures in series.items():
        known = [(x(place), y(one), place, one) for place, one in _pairs(places, figures)]
        dots = tuple(
            Dot(across_, up, f"{across} {shown_across(place)}, {name}: {shown(one)}")
            for across_, up, place, one in known
        )
        path = "".join(f"{'L' if i else 'M'}{one[0]:g} {one[1]:g}" for i, one in enumerate(known))
        drawn.append(Line(name, name.replace(" ", "-"), path, dots))
    straights = []
    begin, end = max(low, ticks[0]), min(high, ticks[-1])
    if diagonal and begin < end:
        straights.append(Straight(x(begin), y(begin), x(end), y(end), "equal values"))
    told = [
        f"{name} {shown(pairs[0][1])} at {shown_across(pairs[0][0])} to {shown(pairs[-1][1])} at "
        f"{shown_across(pairs[-1][0])}"
        for name, figures in series.items()
        if (pairs := list(_pairs(places, figures)))
    ]
    return Chart(
        title,
        f"{title}, by {across}: {'; '.join(told)}.",
        tuple((x(one), shown_across(one)) for one in _ticks(places, False) if low <= one <= high),
        tuple((y(tick), shown(tick)) for tick in ticks),
        lines=tuple(drawn),
        straights=tuple(straights),
        across=across,
        height=height,
        bottom=floor,
    )


def ranking(
    title: str,
    names: Sequence[str],
    series: Mapping[str, Figures],
    shown: Callable[[float], str],
    line: tuple[float, str] | None = None,
) -> Chart | None:
    """Bars from zero below each other, each under its name; None when there is no figure to draw.

    Args:
        title: what is drawn.
        names: of the bars, in their order.
        series: figures by name, one per bar.
        shown: how a figure is written.
        line: a figure that is marked by a line, and its name.
    """
    known = [one for figures in series.values() for one in figures if one is not None]
    if not known:
        return None
    low = min(0.0, *known)
    high = max(0.0, *known, line[0] if line else 0.0) or 1.0
    left, room = RIGHT, WIDTH - 2 * RIGHT - FIGURE * (2 if low else 1)
    zero = left + (FIGURE if low else 0) - low / (high - low) * room

    def x(value: float) -> float:
        return round(zero + value / (high - low) * room, 1)

    top, bars_, words = TOP + (NAME if line else 0), [], []
    for place, name in enumerate(names):
        for line_ in wrap(name, MOST_LETTERS) or [""]:
            words.append(Word(left, top + 11, line_, "name"))
            top += NAME
        for nth, (style, figures) in enumerate(series.items(), 1):
            if (one := figures[place]) is not None:
                begin, wide = min(x(0), x(one)), max(abs(x(one) - x(0)), 1)
                bars_.append(
                    Bar(begin, top, round(wide, 1), BAR, f"nth{nth}", f"{name}, {style}: {shown(one)}")
                )
                words.append(
                    Word(begin + wide + 5, top + BAR - 0.5, shown(one), "figure")
                    if one >= 0
                    else Word(begin - 5, top + BAR - 0.5, shown(one), "figure left")
                )
            top += BAR + 1
        top += GAP
    straights = []
    if line:
        straights.append(Straight(x(line[0]), TOP + NAME, x(line[0]), top, line[1]))
        words.append(
            Word(x(line[0]), TOP + 10, line[1], "figure " + ("left" if x(line[0]) > WIDTH / 2 else ""))
        )
    told = "; ".join(
        f"{name} " + ", ".join(
            shown(one) if len(series) == 1 else f"{style} {shown(one)}"
            for style, figures in series.items() if (one := figures[place]) is not None
        )
        for place, name in enumerate(names)
        if any(figures[place] is not None for figures in series.values())
    )  # fmt: skip
    return Chart(
        title,
        f"{title}: {told}.",
        (),
        (),
        bars=tuple(bars_),
        straights=tuple(straights),
        words=tuple(words),
        names=tuple(name for name in series) if len(series) > 1 else (),
        height=round(top + 2, 1),
    )


def _pairs(places: Sequence[float], figures: Figures) -> Iterator[tuple[float, float]]:
    """The places that have a figure, with it."""
    return ((place, one) for place, one in zip(places, figures, strict=True) if one is not None)


def _first(series: Iterable[Figures]) -> int:
    """Place of the first sprint with a figure; 0 without any."""
    places = [i for figures in series for i, one in enumerate(figures) if one is not None]
    return min(places, default=0)


def _line(
    name: str,
    keys: Sequence[str],
    figures: Figures,
    y: Callable[[float], float],
    shown: Callable[[float], str],
) -> Line:
    path, pen = [], "M"
    dots = []
    for i, one in enumerate(figures):
        if one is None:
            pen = "M"
            continue
        place = (_x(keys, i), y(one))
        path.append(f"{pen}{place[0]:g} {place[1]:g}")
        pen = "L"
        dots.append(Dot(*place, f"{keys[i]}, {name}: {shown(one)}"))
    return Line(name, name.replace(" ", "-"), "".join(path), tuple(dots))


def _x(keys: Sequence[str], place: int) -> float:
    step = (WIDTH - LEFT - RIGHT) / max(len(keys), 1)
    return round(LEFT + (place + 0.5) * step, 1)


def _scale(ticks: Sequence[float]) -> Callable[[float], float]:
    low, high = ticks[0], ticks[-1]
    return lambda value: round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def _ticks(figures: Iterable[float | None], from_zero: bool) -> list[float]:
    """Three to seven round figures that hold all that is to be drawn; none when there is nothing."""
    known = [one for one in figures if one is not None]
    if not known:
        return []
    low, high = (min(0.0, *known) if from_zero else min(known)), max(known)
    if from_zero and low == high:
        return [0.0, 1.0]
    spread = max(high - low, abs(high) * 0.05, 0.01)
    power = 10.0 ** math.floor(math.log10(spread / 4))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= spread / 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + 1)
    return [round(tick * step, 10) for tick in range(first, last + 1)]


def _x_labels(keys: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """The sprints' names without their year, as many as have room; the first of a year has it."""
    every = max(1, math.ceil(LABEL_ROOM / ((WIDTH - LEFT - RIGHT) / max(len(keys), 1))))
    return tuple((_x(keys, i), key.rpartition("-")[2]) for i, key in enumerate(keys) if i % every == 0)


def _summary(
    title: str, keys: Sequence[str], series: Mapping[str, Figures], shown: Callable[[float], str]
) -> str:
    parts = []
    for name, figures in series.items():
        known = [(key, one) for key, one in zip(keys, figures, strict=True) if one is not None]
        if known:
            low, high = min(one for _, one in known), max(one for _, one in known)
            last = known[-1]
            parts.append(f"{name} {shown(low)} to {shown(high)}, {shown(last[1])} in {last[0]}")
    return f"{title}, {keys[0]} to {keys[-1]}: {'; '.join(parts)}."
