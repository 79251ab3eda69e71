"""Charts of the sprint site as plain geometry: a template draws them as inline SVG, in the page's own colours.

Coordinates are those of the SVG's view box, so a chart stays sharp at every width. A missing figure (None) is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 24.0, 26.0
LABEL_ROOM = 34.0
"""Least distance between two labels of the lower axis."""

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
class Chart:
    """A chart ready to be drawn. alt: all it shows in a sentence, for whoever does not see it."""

    title: str
    alt: str
    x_labels: tuple[tuple[float, str], ...]
    y_labels: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
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
    low, high = (0.0 if from_zero else min(known)), max(known)
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
