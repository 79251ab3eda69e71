"""The terminal that commands print to, and rows on it: a table where it fits, else a card per row."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

WIDE = 150
"""Columns of output that goes to a pipe or a file, where nothing says how many there are."""

TALL = 6
"""Lines of a row at most; a table with taller ones is harder to read than cards."""

_GAP = 2


def console() -> Console:
    """A console as wide as the terminal. In a pipe it is wide, unless COLUMNS says otherwise: cells stay whole."""
    found = Console(highlight=False)
    given = os.environ.get("COLUMNS", "").isdigit()
    return found if found.is_terminal or given else Console(highlight=False, width=max(found.width, WIDE))


def say(text: str, indent: int = 0) -> None:
    """Print a sentence broken between words to the width of the terminal; in a pipe it is one line.

    indent: of all lines after the first.
    """
    out = console()
    whole = not out.is_terminal and not os.environ.get("COLUMNS", "").isdigit()
    for line in [Text(text, no_wrap=True)] if whole else wrapped(Text(text), out.width, indent):
        out.print(line, soft_wrap=whole, crop=False, markup=False)


@dataclass(frozen=True)
class Column:
    """A column of `print_rows`.

    Attributes:
        wraps: it is prose that may break between words; any other cell stays on one line.
        right: its values are figures.
    """

    name: str
    wraps: bool = False
    right: bool = False


def print_rows(
    columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], styles: Mapping[int, str] | None = None
) -> None:
    """Print rows within the width of the terminal, and cut nothing: a table where it fits, else a card per row.

    styles: style of a whole row, by its place.
    """
    out, styles = console(), styles or {}
    cells = [[one if isinstance(one, Text) else Text(one) for one in row] for row in rows]
    widths = _widths(columns, cells, out.width)
    if widths is None:
        for place, row in enumerate(cells):
            for line in _card(columns, row, out.width):
                out.print(line, style=styles.get(place), crop=False)
        return
    heading = [Text(column.name, style="bold") for column in columns]
    headed = any(column.name for column in columns)
    for place, row in enumerate([heading, *cells] if headed else cells, -1 if headed else 0):
        for line in _lines(columns, row, widths):
            out.print(line, style=styles.get(place), crop=False)


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]], width: int) -> list[int] | None:
    """A width per column at which no word is broken and no row is too tall; None when there is none."""
    texts = [[Text(column.name), *(row[place] for row in cells)] for place, column in enumerate(columns)]
    longest = [max(text.cell_len for text in column) for column in texts]
    widths = [
        max(cell_len(word) for text in column for word in (text.plain.split() or [""]))
        if kind.wraps
        else whole
        for kind, column, whole in zip(columns, texts, longest, strict=True)
    ]
    spare = width - sum(widths) - _GAP * (len(columns) - 1)
    if spare < 0:
        return None
    wants = [whole - now for whole, now in zip(longest, widths, strict=True)]
    share = min(1.0, spare / max(sum(wants), 1))
    widths = [now + int(want * share) for now, want in zip(widths, wants, strict=True)]
    tallest = max(
        (len(list(wrapped(text, size))) for row in cells for text, size in zip(row, widths, strict=True)),
        default=0,
    )
    return widths if tallest <= TALL else None


def _lines(columns: Sequence[Column], row: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
    """A row of the table, its cells beside each other."""
    beside = [list(wrapped(cell, width)) for cell, width in zip(row, widths, strict=True)]
    for pieces in zip_longest(*beside, fillvalue=Text()):
        line = Text(no_wrap=True, overflow="ignore")
        for column, piece, width in zip(columns, pieces, widths, strict=True):
            room = " " * (width - piece.cell_len)
            line.append(room if column.right else "").append_text(piece)
            line.append("" if column.right else room).append(" " * _GAP)
        line.rstrip()
        yield line


def _card(columns: Sequence[Column], row: Sequence[Text], width: int) -> Iterator[Text]:
    """A row as lines: its first cell and short values with their names, then its prose."""
    named = [(column, cell) for column, cell in zip(columns[1:], row[1:], strict=True) if cell.plain.strip()]
    head = [row[0].copy()]
    for column, cell in named:
        if column.wraps:
            continue
        part = Text(f"{column.name} ", style="dim").append_text(cell)
        if head[-1].cell_len + _GAP + part.cell_len <= width:
            head[-1].append(" " * _GAP).append_text(part)
        else:
            head.append(Text(" " * _GAP).append_text(part))
    for line in head:
        yield from wrapped(line, width, 2 * _GAP)
    prose = [(column.name, cell) for column, cell in named if column.wraps]
    label = max((len(name) for name, _ in prose), default=0)
    for name, cell in prose:
        line = Text(f"{'':<{_GAP}}{name:<{label}}{'':<{_GAP}}", style="dim")
        yield from wrapped(line.append_text(cell), width, 2 * _GAP + label)


def wrapped(text: Text, width: int, indent: int = 0) -> Iterator[Text]:
    """Lines of a text, broken between words only; all after the first are indented.

    Rich breaks a word that is longer than the line. Here it stays whole, so that a path or an id can be copied.
    """
    for place, paragraph in enumerate(text.split("\n")):
        margin = indent if place else 0
        start = end = 0
        for found in re.finditer(r"\S+", paragraph.plain):
            if end and margin + cell_len(paragraph.plain[start : found.end()]) > width:
                yield _line(paragraph[start:end], margin)
                start, margin = found.start(), indent
            end = found.end()
        yield _line(paragraph[start:end], margin)


def _line(text: Text, margin: int) -> Text:
    return Text(" " * margin, no_wrap=True, overflow="ignore").append_text(text)
