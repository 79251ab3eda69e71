"""Documents as Markdown and as pages of the site.

A page is one file: styles and charts lie inside, nothing is fetched from anywhere, and no script runs (its content
security policy says so). Whatever a team wrote is text and stays text: the templates escape it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sprintline.base.words import measure, table_cell
from sprintline.mechanisms.reports import charts
from sprintline.mechanisms.reports.document import (
    Chart,
    Document,
    Facts,
    Form,
    Items,
    Paragraph,
    Part,
    Table,
    Value,
)
from sprintline.mechanisms.reports.report import Per, Report, template_folder

if TYPE_CHECKING:
    from jinja2 import Environment

NOT_KNOWN = "–"


@dataclass(frozen=True)
class Link:
    """A page of the navigation: its title, its path within the site."""

    title: str
    path: str


# --- values ----------------------------------------------------------------------------------------------------------


def shown(value: Value, form: Form = Form.AUTO) -> str:
    """A value as people read it, the same in Markdown and HTML."""
    if value is None or (isinstance(value, float) and value != value):
        return NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value, form)
    return value


def _number(value: float, form: Form) -> str:
    if form is Form.SHARE:
        return f"{100 * value:.1f} %"
    if form is Form.MEASURE:
        return measure(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def drawing(chart: Chart) -> charts.Chart | None:
    """The geometry of a chart; None when it has no figure."""
    write: Callable[[float], str] = (
        _tick if chart.form is Form.SHARE else lambda value: shown(value, chart.form)
    )
    if chart.draw == "bars":
        ((name, figures),) = chart.series.items()
        return charts.bars(chart.title, chart.keys, figures, chart.states, write, name)
    marks = {key: (style, sentence) for key, style, sentence in chart.marks}
    return charts.lines(chart.title, chart.keys, chart.series, write, marks, chart.from_zero)


def _tick(share: float) -> str:
    return f"{share:.0%}" if round(share * 100, 6) == round(share * 100) else f"{share:.1%}"


# --- Markdown --------------------------------------------------------------------------------------------------------


def markdown(document: Document) -> str:
    """The document as Markdown; a chart is a sentence with its figures."""
    return "\n".join(_lines(document)).rstrip("\n") + "\n"


def part_markdown(part: Part) -> str:
    """One part of a document as Markdown."""
    return "\n".join(_part_lines(part))


def _lines(document: Document) -> Iterator[str]:
    yield f"# {_text(document.title)}"
    for section in document.sections:
        if section.title:
            yield from ("", f"## {_text(section.title)}")
        for part in section.parts:
            yield from ("", *_part_lines(part))


def _part_lines(part: Part) -> Iterable[str]:
    match part:
        case Paragraph():
            return [_text(part.text)]
        case Items():
            return [f"- {_text(one)}" for one in part.texts]
        case Facts():
            return [f"- {_text(one.name)}: {_text(shown(one.value, one.form))}" for one in part.facts]
        case Table():
            rows = [
                [shown(value, c.form) for value, c in zip(row, part.columns, strict=True)]
                for row in part.rows
            ]
            return markdown_table([one.name for one in part.columns], rows)
        case Chart():
            drawn = drawing(part)
            return [_text(drawn.alt if drawn else f"{part.title}: no figures yet.")]


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; a bar or a line break in a cell does not end it."""
    lines = ["| " + " | ".join(map(_cell, names)) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    return [*lines, *("| " + " | ".join(map(_cell, row)) + " |" for row in rows)]


def _cell(text: str) -> str:
    return table_cell(_text(text))


def _text(text: str) -> str:
    """One line in which no HTML tag begins."""
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", " ".join(text.split()))


# --- HTML ------------------------------------------------------------------------------------------------------------


def page(
    report: Report, documents: Mapping[str, Document], sprint: str | None = None, nav: Sequence[Link] = ()
) -> str:
    """A page of the site as HTML.

    Args:
        report: whose page it is.
        documents: by product; of a page per product or sprint the only one.
        sprint: the sprint of a page per sprint.
        nav: pages that the navigation leads to.

    A template of the report's own has `documents`; where there is only one, its `data` are variables too.
    """
    path = report.page(next(iter(documents), ""), sprint)
    here = posixpath.dirname(path) or "."
    values: dict[str, Any] = {
        "nav": [(one.title, posixpath.relpath(one.path, here), one.path == path) for one in nav],
        "documents": documents,
        "page_title": report.title,
        "whole_site": report.per is Per.SITE,
    }
    if report.per is not Per.SITE:
        (document,) = documents.values()
        values = {**document.data, **values, "page_title": document.title}
    return _environment(report.name).get_template(report.template or "document.html.j2").render(values)


@lru_cache(maxsize=64)
def _environment(name: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    own = template_folder(name)
    made = Environment(
        loader=ChoiceLoader(
            [*([FileSystemLoader(own)] if own else []), PackageLoader("sprintline.mechanisms.reports")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "shown": shown, "drawing": drawing, "kind": lambda part: type(part).__name__.lower(),
        "three": lambda value: shown(value, Form.MEASURE), "day": _day, "moment": _moment,
        "words": lambda text: str(text).replace("_", " "), "thousands": lambda number: f"{number:,}",
        "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    }  # fmt: skip
    return made


def _day(text: str) -> str:
    return f"{date.fromisoformat(text):%d %b %Y}"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d %b %Y, %H:%M} UTC"


def as_json(report: Report, found: Mapping[str, tuple[str | None, Document]]) -> dict[str, Any]:
    """A report for machines: its name, and by product the sprint and the document."""
    return {
        "report": report.name,
        "title": report.title,
        "per": str(report.per),
        "products": {
            product: {"sprint": sprint, **one.as_dict()} for product, (sprint, one) in found.items()
        },
    }
