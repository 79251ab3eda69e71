"""Ledger events of delivery. The closing itself is in product/events.py, which every subject may import."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from sprintline.mechanisms.ledger.events import EventKind

RESTATED = "restated"


class TableChange(TypedDict):
    """Rows and data version of one asset, each [before, after]."""

    rows: tuple[int | None, int | None]
    data_version: tuple[str | None, str | None]


RestatedBody = TypedDict(
    "RestatedBody",
    {
        "was": str,
        "is": str,
        "files": dict[str, tuple[str | None, str | None]],
        "tables": dict[str, TableChange],
        "metrics": dict[str, tuple[float | None, float | None]],
        "rules": dict[str, tuple[str | None, str | None]],
        "decision": str | None,
        "champion": str | None,
        "rest_on_it": list[str],
        "trained_on_it": list[str],
        "published": NotRequired[dict[str, str]],
    },
)

RestatedBody.__doc__ = (
    "was, is: hash of all data versions of the sprint. files, tables, metrics, rules: what changed, [before, after]. "
    "rest_on_it: later sprints computed from the data before. trained_on_it: models trained on that data. "
    "published: product, table and contract version of the files that are published tables, by source."
)

EVENTS = (
    EventKind(
        RESTATED,
        RestatedBody,
        "A closed sprint was closed again on other data.",
        written_by=("delivery.closing",),
        read_by=("delivery.restatement",),
    ),
)
