"""A model card as a document: a table per section, each figure with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.reports import render
from sprintline.mechanisms.reports.document import Column, Document, Paragraph, Section, Table, Value

_WIDEST = 80


def markdown(card: Mapping[str, Any]) -> str:
    """The card for people; its JSON holds every value in full."""
    return render.markdown(document(card))


def document(card: Mapping[str, Any]) -> Document:
    """The card as a document."""
    lead = f"Candidate of {card['sprint']}. Every figure is read from the record beside it; card {card['hash'][:12]}."
    claims = Table(
        (Column("claim"), Column("measured"), Column("from")),
        tuple((one["says"], _shown(one["value"]), _source(one)) for one in card["claims"]),
    )
    sections = (Section(one["title"], (_table(one["figures"]),)) for one in card["sections"])
    return Document(
        f"Model card: {card['product']} {card['model']}",
        (Section("", (Paragraph(lead),)), Section("Claims", (claims,)), *sections),
    )


def _table(figures: list[dict[str, Any]]) -> Table:
    if any("was" in one for one in figures):
        return Table(
            (Column("figure"), Column("now"), Column("champion"), Column("from")),
            tuple(
                (one["name"], _shown(one["value"]), _shown(one["was"]["value"]), _source(one))
                for one in figures
            ),
        )
    return Table(
        (Column("figure"), Column("value"), Column("from")),
        tuple((one["name"], _shown(one["value"]), _source(one)) for one in figures),
    )


def _source(one: Mapping[str, Any]) -> str:
    return f"{one['record']}: {'.'.join(one['path'])} ({str(one['hash'])[:8]})"


def _shown(value: Any) -> Value:
    """A single value as it is, anything else as JSON that fits a cell."""
    if isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
