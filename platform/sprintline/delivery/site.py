"""The sprint site: what the pages of a product tell is gathered here, rendered by `site` and put under the state.

A closing writes its own sprint's page, its neighbour's and the first page, so that its cost does not grow with history;
`sprintline site` writes everything anew from the records.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.settings import Home
from sprintline.delivery import pages
from sprintline.delivery.status import SprintStatus, State, sprint_rows
from sprintline.mechanisms.backlog.intake import board_of
from sprintline.mechanisms.backlog.items import rows as board_rows
from sprintline.mechanisms.reports.files import SUMMARY, Pages
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import waivers_of
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.rulebook import definition_of_done
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.mechanisms.rules.waivers import waivers
from sprintline.monitoring.reports import Reports
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.chain import Event
    from sprintline.mechanisms.ledger.records import Measurement

DRIFT = "drift"


@dataclass(frozen=True)
class Told:
    """What the records say of some sprints of a product: their rows, and the evidence behind them."""

    rows: dict[str, SprintStatus]
    verdicts: dict[str, list[Verdict]]
    drift: dict[str, dict[str, Any]]


def write_closing(runtime: Runtime, sprint: str) -> Path:
    """Write what the closing of a sprint changed; gives the first page. Raises OSError where it cannot be written."""
    write_product(runtime, sprint)
    return write_first(runtime.home)


def write_product(runtime: Runtime, closed: str | None = None) -> list[Path]:
    """Write the pages of a product's sprints and its part of the first page; gives the pages that were written.

    Args:
        runtime: the product's.
        closed: the sprint that has just closed, when only what it changed is to be written: where it is the newest and
            everything before it is on the site. Otherwise all pages are written.
    """
    site = Pages(runtime.home.site)
    with site.alone():
        kept = site.summary(runtime.product) if closed else None
        events = runtime.records.events(product=runtime.product)
        fresh = _fresh(runtime, closed, kept, events) if closed and kept else None
        told = _told(runtime, fresh, events)
        before = {row["sprint"]: row for row in kept["sprints"]} if kept and fresh is not None else {}
        rows = before | {key: _row(told, key) for key in told.rows}
        shown = _begun([rows[key] for key in runtime.calendar.keys if key in rows])
        keys = [row["sprint"] for row in shown]
        written = [
            site.write(f"{runtime.product}/{key}.html", pages.sprint_page(_detail(runtime, told, key, keys)))
            for key in keys
            if key in told.rows
        ]
        site.keep_only(runtime.product, {f"{key}.html" for key in keys})
        _write_summary(site, runtime.product, _summary(runtime, shown))
        return written


def write_broken(home: Home, product: str, error: str) -> None:
    """Say of a product that it does not load; its sprints' pages stay."""
    site = Pages(home.site)
    with site.alone():
        _write_summary(site, product, {"product": product, "title": product, "error": error})


def write_first(home: Home, products: Collection[str] | None = None) -> Path:
    """Put the first page together from what every product wrote last.

    products: those there are; what lies there of others is taken away.
    """
    site = Pages(home.site)
    with site.alone():
        told = site.summaries()
        if products is not None:
            for gone in {one["product"] for one in told} - set(products):
                site.forget(gone)
            told = [one for one in told if one["product"] in products]
        return site.write(site.first.name, pages.first_page(told))


def _write_summary(site: Pages, product: str, summary: dict[str, Any]) -> None:
    site.write(f"{product}/{SUMMARY}", json.dumps(summary, ensure_ascii=False))


def _fresh(
    runtime: Runtime, closed: str, kept: Mapping[str, Any], events: Sequence[Event]
) -> list[str] | None:
    """Sprints whose rows may have changed with a closing; None when that could be any.

    In ordinary order these are the sprint, the one before it (whose page gets a link) and those not closed yet. A
    restatement or a backfill may change what later sprints say.
    """
    keys = runtime.calendar.keys
    there = {row["sprint"] for row in kept.get("sprints", ()) if row["state"] == State.CLOSED}
    done = {one.sprint for one in events if one.kind == CLOSED and one.sprint}
    later = {key for key in done if keys.index(key) > keys.index(closed)}
    if later or not done - {closed} <= there or closed in there:
        return None
    begun = [key for key in keys if key not in done and runtime.window(key).start <= runtime.clock.now()]
    return [*runtime.calendar.previous(closed, 1), closed, *begun]


def _told(runtime: Runtime, keys: Sequence[str] | None, events: Sequence[Event]) -> Told:
    """What the records say of some sprints; of all for None."""
    records, product = runtime.records, runtime.product
    parts: Sequence[str | None] = [None] if keys is None else keys
    verdicts = [one for part in parts for one in records.verdicts(product, part)]
    measured: dict[tuple[str, str], Measurement] = {}
    for part in parts:
        measured |= records.measurements(product, part)
    rows = sprint_rows(
        product,
        runtime.calendar,
        partial(definition_of_done, runtime),
        verdicts,
        measured,
        # A sprint that nothing is told of costs nothing; waivers are meant for any.
        [one for one in events if keys is None or one.sprint in keys or one.kind in (WAIVER, WITHDRAWN)],
        runtime.clock.now(),
        waivers_of(runtime.spec.rules),
    )
    by_sprint: dict[str, list[Verdict]] = {}
    for one in verdicts:
        by_sprint.setdefault(one.sprint, []).append(one)
    return Told(
        {row.sprint: row for row in rows if keys is None or row.sprint in keys},
        by_sprint,
        {sprint: dict(one.facts) for (sprint, asset), one in measured.items() if asset == DRIFT},
    )


def _row(told: Told, key: str) -> dict[str, Any]:
    return {**told.rows[key].as_dict(), "drift_share": told.drift.get(key, {}).get("share")}


def _begun(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Up to the last sprint in which anything happened, and the one that runs now; none when nothing ever did."""
    happened = [bool(row["rows"]) or row["state"] in (State.CLOSED, State.REFUSED) for row in rows]
    if not any(happened):
        return []
    return [row for i, row in enumerate(rows) if any(happened[i:]) or row["state"] == State.OPEN]


def _summary(runtime: Runtime, rows: list[dict[str, Any]]) -> dict[str, Any]:
    open_items = [item for item in board_of(runtime) if item.open]
    now = runtime.clock.now()
    return {
        "product": runtime.product,
        "title": runtime.spec.title,
        "description": runtime.spec.description,
        "now": now.isoformat(),
        "error": None,
        "sprints": rows,
        "backlog": board_rows(open_items, waivers(runtime), now),
    }


def _detail(runtime: Runtime, told: Told, key: str, keys: list[str]) -> dict[str, Any]:
    place, drift = keys.index(key), told.drift.get(key, {})
    return {
        "product": runtime.product,
        "title": runtime.spec.title,
        "now": runtime.clock.now().isoformat(),
        "row": told.rows[key].as_dict(),
        "verdicts": [_verdict(one) for one in told.verdicts.get(key, ())],
        "drift": {"why": drift.get("why")},
        "report": runtime[Reports].page(DRIFT, key).is_file(),
        "before": keys[place - 1] if place else None,
        "after": keys[place + 1] if place + 1 < len(keys) else None,
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    rule = all_rules().get(one.code)
    return {
        "code": one.code,
        "claim": rule.claim if rule else "",
        "asset": one.asset.rsplit("/", 1)[-1],
        "subject": one.subject,
        "outcome": str(one.outcome),
        "severity": str(one.severity),
        "sentence": one.sentence,
        "remedy": rule.remedy if rule else "",
    }
