"""Words that sentences are put together from."""

from __future__ import annotations


def counted_as(number: int, thing: str) -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def measure(value: float, decimals: int = 3, sign: str = "") -> str:
    """A measure as people read it: some decimals, and fewer of a larger one, so that it has as many digits as count.

    sign: `+` to write it always. `0.913`, `83.14`, `1,083`.
    """
    size = abs(value)
    kept = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else decimals
    return f"{value:{sign},.{min(kept, decimals)}f}"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: cut between two words, and marked with three dots where it is cut."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rpartition(' ')[0] or text[: most - 1]}…"


def table_cell(text: str) -> str:
    """A text as it stands in a cell of a Markdown table: on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")
