"""Words that sentences are put together from."""

from __future__ import annotations


def counted_as(number: int, thing: str) -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def table_cell(text: str) -> str:
    """A text as it stands in a cell of a Markdown table: on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")
