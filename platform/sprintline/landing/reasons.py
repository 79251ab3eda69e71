"""Why a landed file is refused, written so that its provider can fix it.

A reason names the place (line and column), what is there, and what would be right. It is always short: a few examples
and counts. Values of personal and confidential columns never appear in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: Examples shown per violation, violations shown per file, characters shown per value.
EXAMPLES, VIOLATIONS, WIDTH = 5, 12, 40


WINDOW = "window"
"""Code of the violation that rows lie outside the sprint."""


@dataclass(frozen=True)
class Violation:
    """One thing wrong in a file.

    `code` is stable and names the kind of mistake; `count` is the number of rows that have it; `lines` are the first
    few lines (or row numbers, for formats without lines).
    """

    code: str
    wrong: str
    right: str
    column: str | None = None
    count: int | None = None
    lines: tuple[int, ...] = ()

    def sentence(self) -> str:
        """The violation as one sentence."""
        return f"{self.wrong}; {self.right}"

    def as_dict(self) -> dict[str, Any]:
        """The violation as JSON, without what is empty."""
        whole = {
            "code": self.code,
            "wrong": self.wrong,
            "right": self.right,
            "column": self.column,
            "count": self.count,
            "lines": list(self.lines) or None,
        }
        return {name: value for name, value in whole.items() if value is not None}


class BadFile(Exception):
    """A file that must not enter the lake. `reason` is for people, `details` (JSON) for machines."""

    def __init__(self, reason: str, details: dict[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details

    @classmethod
    def of(cls, violations: Iterable[Violation], **facts: Any) -> BadFile:
        """From one or more violations; those beyond the first dozen are only counted."""
        found = list(violations)
        lines = [violation.sentence() for violation in found[:VIOLATIONS]]
        if len(found) > VIOLATIONS:
            lines.append(f"and {len(found) - VIOLATIONS} more kinds of mistakes")
        reason = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)
        shown = [violation.as_dict() for violation in found[:VIOLATIONS]]
        return cls(reason, {**facts, "findings": shown, "findings_total": len(found)})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.details)


class UnsettledFile(RuntimeError):
    """The file changed, vanished or was replaced while it was read. It may be fine: read it again later."""


def refuse(code: str, wrong: str, right: str, **facts: Any) -> BadFile:
    """A refusal for a single reason."""
    return BadFile.of([Violation(code, wrong, right)], **facts)


def quoted(value: object) -> str:
    """A value for use in a reason: quoted, on one line, not longer than `WIDTH`."""
    text = str(value)
    short = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
    return "'" + "".join(sign if sign.isprintable() else "�" for sign in short) + "'"


def places(lines: Sequence[int], count: int, word: str = "line") -> str:
    """`line 7`, or `lines 7, 9, 12 and 40 more`; `lines` are the first of `count`."""
    shown = [str(line) for line in lines[:EXAMPLES]]
    if count == 1:
        return f"{word} {shown[0]}"
    if count > len(shown):
        return f"{word}s {', '.join(shown)} and {count - len(shown):,} more"
    return f"{word}s {', '.join(shown[:-1])} and {shown[-1]}"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names in a row, the first `limit` of them."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(str(name) for name in names[:limit]) + more
