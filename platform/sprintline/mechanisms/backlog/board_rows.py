"""The backlog's board as people read it: a row per item."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sprintline.mechanisms.backlog.events import FINDING
from sprintline.mechanisms.backlog.items import Item
from sprintline.mechanisms.rules.gates import Need, Waiver

_MOMENT = timedelta(microseconds=1)


def rows(items: Iterable[Item], waivers: Iterable[Waiver], now: datetime) -> list[dict[str, Any]]:
    """The board as people read it: a row per item, in their order; `waived` is empty, or who lets it be until when."""
    granted = [one for one in waivers if not one.withdrawn and now < one.until]
    found = []
    for item in items:
        letting = [one for one in granted if one.covers(Need(item.code, item.asset))]
        last = max(letting, key=lambda one: one.until, default=None)
        found.append(
            {
                "id": item.id,
                "kind": item.kind,
                "priority": item.priority,
                "severity": item.severity,
                "what": f"{item.code} {item.what}".strip()
                + (f" ({item.cause})" if _worth_telling(item) else ""),
                "asset": item.asset,
                "seen": f"on {item.asset}: {item.sightings} sightings, {item.since} to {item.last}"
                if item.kind == FINDING
                else f"{item.kind} planned for {item.last}",
                "sightings": item.sightings,
                "since": item.since,
                "last": item.last,
                "owner": item.owner,
                "started": f"{item.started_by} on {item.started[:10]}" if item.started else "",
                "waived": f"{last.approver} until the end of {last.until - _MOMENT:%Y-%m-%d}" if last else "",
                "evidence": f"{item.evidence['sprint']}: {item.evidence['sentence']}",
            }
        )
    return found


def _worth_telling(item: Item) -> bool:
    return bool(item.cause) and item.cause not in item.what
