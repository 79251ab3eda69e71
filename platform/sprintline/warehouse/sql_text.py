"""The text of a SQL query without its comments."""

from __future__ import annotations

import re

#: A string or a quoted name, which may contain what looks like a comment, or a comment.
_QUOTED_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def without_comments(sql: str) -> str:
    """The query with each comment replaced by a space; strings and quoted names stay as they are."""
    return _QUOTED_OR_COMMENT.sub(lambda found: found[0] if found[0][0] in "'\"" else " ", sql)
