"""Documents as Markdown and as pages of the site.

A page is one file: styles and charts lie inside, nothing is fetched from anywhere, and no script runs (its content
security policy says so). Whatever a team wrote is text and stays text: the templates escape it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sprintline.base.words import measure, table_cell
from sprintline.mechanisms.reports import charts
from sprintline.mechanisms.reports.document import (
    Chart,
    Curves,
    Document,
    Facts,
    Form,
    Items,
    Paragraph,
    Part,
    Ranking,
    Table,
    Value,
)
from sprintline.mechanisms.reports.glossary import meaning
from sprintline.mechanisms.reports.report import Per, Report, template_folder

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

NOT_KNOWN = "–"
BROAD, COMPACT = 6, 4
"""Columns of a table that have room in half of a page, and on a phone."""


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


def drawing(chart: Chart | Curves | Ranking) -> charts.Chart | None:
    """The geometry of a chart; None when it has no figure."""
    write = _writer(chart.form)
    if isinstance(chart, Ranking):
        return charts.ranking(chart.title, chart.names, chart.series, write, chart.line)
    if isinstance(chart, Curves):
        return charts.curves(
            chart.title, chart.across, chart.places, chart.series, write, _writer(chart.across_form),
            chart.diagonal, chart.from_zero,
        )  # fmt: skip
    if chart.draw == "bars":
        ((name, figures),) = chart.series.items()
        return charts.bars(chart.title, chart.keys, figures, chart.states, write, name)
    marks = {key: (style, sentence) for key, style, sentence in chart.marks}
    return charts.lines(chart.title, chart.keys, chart.series, write, marks, chart.from_zero)


def _writer(form: Form) -> Callable[[float], str]:
    return _tick if form is Form.SHARE else lambda value: shown(value, form)


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
        case Table() if part.bare:
            return [_text(part.lacking)]
        case Table():
            rows = [
                [shown(value, c.form) for value, c in zip(row, part.columns, strict=True)]
                for row in part.rows
            ]
            return markdown_table([one.name for one in part.columns], rows)
        case Chart():
            drawn = drawing(part)
            return [_text(drawn.alt if drawn else f"{part.title}: no figures yet.")]
        case Curves():
            rows = [
                [shown(place, part.across_form), *(shown(of[i], part.form) for of in part.series.values())]
                for i, place in enumerate(part.places)
            ]
            return [f"{_text(part.title)}:", "", *markdown_table([part.across, *part.series], rows)]
        case Ranking():
            rows = [
                [name, *(shown(of[i], part.form) for of in part.series.values())]
                for i, name in enumerate(part.names)
            ]
            return [f"{_text(part.title)}:", "", *markdown_table(["", *part.series], rows)]


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
    made.tests |= {
        "is_chart": _is_chart,
        "is_broad": lambda part: isinstance(part, Table) and len(part.columns) > BROAD,
        "compact": _compact,
    }
    made.filters |= {
        "shown": shown, "drawing": drawing, "kind": lambda part: type(part).__name__.lower(),
        "three": lambda value: shown(value, Form.MEASURE), "day": _day, "moment": _moment,
        "words": lambda text: str(text).replace("_", " "), "thousands": lambda number: f"{number:,}",
        "coded": coded, "breakable": _breakable, "meaning": meaning, "is_chart": _is_chart,
        "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    }  # fmt: skip
    return made


def _is_chart(part: Part) -> bool:
    return isinstance(part, Chart | Curves | Ranking)


def _compact(table: Table) -> bool:
    """Whether a table has room on a phone as it is: a few columns of numbers. Others become a card per row there."""
    return len(table.columns) <= COMPACT and all(
        value is None or isinstance(value, int | float) for row in table.rows for value in row[1:]
    )


def _breakable(name: str) -> Markup:
    """A name in which a line may end after each underscore."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


_CODE = re.compile(r"\b[A-Z]{2,4}\d{3}\b")


def coded(text: str, codes: Collection[str], page: str) -> Markup:
    """A text whose codes of rules lead to their places on a page; all else is escaped. codes: those there."""
    from markupsafe import Markup, escape

    parts, end = [], 0
    for found in _CODE.finditer(text):
        if (code := found.group()) in codes:
            parts += [
                escape(text[end : found.start()]),
                Markup('<a href="{}#{}">{}</a>').format(page, code, code),
            ]
            end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


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
