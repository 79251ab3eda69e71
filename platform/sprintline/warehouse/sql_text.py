"""The text of a SQL query: without its comments, and the line of it that an error is about."""

from __future__ import annotations

import re

#: A string or a quoted name, which may contain what looks like a comment, or a comment.
_QUOTED_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def without_comments(sql: str) -> str:
    """The query with each comment replaced by a space; strings and quoted names stay as they are."""
    return _QUOTED_OR_COMMENT.sub(lambda found: found[0] if found[0][0] in "'\"" else " ", sql)


_LINE = re.compile(r"^\s*LINE \d+: (?P<text>.*)$", re.MULTILINE)
_MISMATCH = re.compile(
    r"^\s*\| (?P<name>\w+) +\|.*\| (?:data type mismatch|missing in \w+) +\|", re.MULTILINE
)
_WORD = re.compile(r"[\"'](?P<quoted>\w+)[\"']|with name (?P<named>[\w.]+)")


def line_of(error: str, sql: str) -> int | None:
    """The line of a model's file that an error of dbt or DuckDB is about, from 1; None when it cannot be told.

    DuckDB counts lines of the statement that dbt made of the file, so its line is looked for by its text; without one,
    the first line that has the name which the error puts in quotes.
    """
    lines = sql.splitlines()
    for found in _LINE.finditer(error):
        shown = found["text"].strip().strip(".").strip()
        if places := [number for number, line in enumerate(lines, 1) if shown and shown in line]:
            return places[0]
    words = [found["name"] for found in _MISMATCH.finditer(error)]
    words += [found["quoted"] or found["named"] for found in _WORD.finditer(error)]
    for word in words:
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        if places := [number for number, line in enumerate(lines, 1) if whole.search(line)]:
            return places[0]
    return None
