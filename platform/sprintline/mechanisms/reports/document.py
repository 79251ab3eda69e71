"""A report's content as one plain document: a title, and sections of paragraphs, lists, facts, tables and charts.

A document knows nothing of how it is shown. `render` makes Markdown of it for the Dagster UI and the terminal, HTML for
the site and JSON for machines; all three have the same values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

Value = str | int | float | bool | None
"""What a fact or a cell may be. None is a value that is not known."""


class Form(StrEnum):
    """How a number is written: AUTO by its type, SHARE of 0 to 1 in percent, MEASURE with three decimals."""

    AUTO = "auto"
    SHARE = "share"
    MEASURE = "measure"


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Items:
    """A bulleted list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One named value."""

    name: str
    value: Value
    form: Form = Form.AUTO


@dataclass(frozen=True)
class Facts:
    """Named values side by side."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Column:
    """Head of a table's column, and how its numbers are written."""

    name: str
    form: Form = Form.AUTO


@dataclass(frozen=True)
class Table:
    """Rows of values; the first cell of a row names it.

    Attributes:
        columns, rows: heads and cells.
        folded: words under which a page folds the rows away; empty for rows that are always seen.
        lacking: why there is no value yet; a page shows this sentence where every cell but the first is not known.

    Raises ValueError for a row with another number of cells than there are columns.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    folded: str = ""
    lacking: str = "There are no figures yet."

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"a row has {len(row)} cells, the table has {len(self.columns)} columns: {row}"
                )

    @property
    def bare(self) -> bool:
        """Whether it has nothing to show: no cell but the names of its rows has a value."""
        return len(self.columns) > 1 and all(value is None for row in self.rows for value in row[1:])


@dataclass(frozen=True)
class Chart:
    """Figures over sprints: lines, or bars of one series.

    Attributes:
        title: what is drawn.
        keys: the sprints, oldest first.
        series: by name, a figure per sprint; None is a gap.
        draw: `lines`, or `bars` from zero.
        states: of bars, a word per sprint.
        marks: what happened in a sprint: (sprint, style, sentence).
        from_zero: whether the axis of lines begins at zero.
    """

    title: str
    keys: tuple[str, ...]
    series: Mapping[str, tuple[float | None, ...]]
    draw: Literal["lines", "bars"] = "lines"
    form: Form = Form.MEASURE
    states: tuple[str, ...] = ()
    marks: tuple[tuple[str, str, str], ...] = ()
    from_zero: bool = False

    def __post_init__(self) -> None:
        if wrong := [name for name, figures in self.series.items() if len(figures) != len(self.keys)]:
            raise ValueError(
                f"chart {self.title!r}: {wrong[0]} needs one figure for each of {len(self.keys)} sprints"
            )
        if self.draw == "bars" and (len(self.series) != 1 or len(self.states) != len(self.keys)):
            raise ValueError(f"chart {self.title!r}: bars need one series and one state for each sprint")


@dataclass(frozen=True)
class Curves:
    """Lines over a scale of numbers, like what was observed over what was predicted.

    Attributes:
        title: what is drawn.
        across: what the numbers of the lower axis are.
        places: these numbers, ascending.
        series: by name, a figure per place; None is a gap.
        form, across_form: how figures and places are written.
        diagonal: whether the line of equal values is drawn too.
        from_zero: whether the axis of figures begins at zero.
    """

    title: str
    across: str
    places: tuple[float, ...]
    series: Mapping[str, tuple[float | None, ...]]
    form: Form = Form.MEASURE
    across_form: Form = Form.MEASURE
    diagonal: bool = False
    from_zero: bool = False

    def __post_init__(self) -> None:
        if wrong := [name for name, figures in self.series.items() if len(figures) != len(self.places)]:
            raise ValueError(
                f"curves {self.title!r}: {wrong[0]} needs one figure for each of {len(self.places)} places"
            )


@dataclass(frozen=True)
class Ranking:
    """Named figures as bars from zero, one below the other.

    Attributes:
        title: what is drawn.
        names: of the bars, in their order.
        series: by name, a figure per bar; None draws no bar.
        form: how figures are written.
        line: a figure that is marked by a line across, and its name; None for none.
    """

    title: str
    names: tuple[str, ...]
    series: Mapping[str, tuple[float | None, ...]]
    form: Form = Form.MEASURE
    line: tuple[float, str] | None = None

    def __post_init__(self) -> None:
        if wrong := [name for name, figures in self.series.items() if len(figures) != len(self.names)]:
            raise ValueError(
                f"ranking {self.title!r}: {wrong[0]} needs one figure for each of {len(self.names)} names"
            )


Part = Paragraph | Items | Facts | Table | Chart | Curves | Ranking
_PARTS: dict[str, type[Part]] = {
    one.__name__.lower(): one for one in (Paragraph, Items, Facts, Table, Chart, Curves, Ranking)
}


@dataclass(frozen=True)
class Section:
    """Parts under a heading; the heading may be empty."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """What a report says.

    data: plain JSON values for a template of the report's own; the JSON has them too, Markdown has not.
    """

    title: str
    sections: tuple[Section, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; a number that is not finite is None."""
        sections = [
            {
                "title": one.title,
                "parts": [{"kind": type(part).__name__.lower(), **asdict(part)} for part in one.parts],
            }
            for one in self.sections
        ]
        found: dict[str, Any] = _plain({"title": self.title, "sections": sections, "data": dict(self.data)})
        return found

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Document:
        """The document that `as_dict` gave. Raises ValueError for anything else."""
        try:
            sections = tuple(
                Section(one["title"], tuple(_part(part) for part in one["parts"])) for one in body["sections"]
            )
            return cls(body["title"], sections, body["data"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no document of a report: {type(error).__name__} {error}") from error


def _part(body: Mapping[str, Any]) -> Part:
    values = {name: _frozen(value) for name, value in body.items() if name != "kind"}
    kind = _PARTS[body["kind"]]
    values |= {name: Form(values[name]) for name in ("form", "across_form") if name in values}
    if kind is Facts:
        values["facts"] = tuple(Fact(**{**one, "form": Form(one["form"])}) for one in body["facts"])
    if kind is Table:
        values["columns"] = tuple(Column(one["name"], Form(one["form"])) for one in body["columns"])
    return kind(**values)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    return {name: _frozen(one) for name, one in value.items()} if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, StrEnum) else value
