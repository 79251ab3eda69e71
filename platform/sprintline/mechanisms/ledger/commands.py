"""Commands of the ledger: verify it, list its events, accept it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.base.words import counted_as

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.chain import Event
    from sprintline.mechanisms.ledger.ledger import LedgerReport
    from sprintline.mechanisms.ledger.records import Records

_NO_LEDGER = "There is no ledger yet in {home}: nothing has been recorded."
_GAP = "  "


@click.group()
def ledger() -> None:
    """What the platform and its people decided."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON, for machines.")
def verify(as_json: bool) -> int:
    """Verify ledger integrity: no event was changed, removed, inserted or cut off.

    Verdicts and measurements are compared with what was written and with what closings and decisions are based on. It
    names sprint, rule and asset of what was changed, deleted or added, and what it cannot verify.

    Exits with 1 when anything is not as it was written.
    """
    records = _records()
    if records is None:
        said: dict[str, object] = {"ok": True, "events": 0, "head": None, "head_file": None, "broken": None}
        sentence = _NO_LEDGER.format(home=settings.home().root)
    else:
        report = records.verify()
        said, sentence = _report_as_dict(report), "\n".join(report_lines(report))
    click.echo(json.dumps(said, indent=2) if as_json else sentence, err=not as_json and not said["ok"])
    return 0 if said["ok"] else 1


def _report_as_dict(report: LedgerReport) -> dict[str, object]:
    found = report.records
    return {
        "ok": report.ok,
        "events": report.events,
        "head": report.head.hash,
        "head_file": report.head_file.seq if report.head_file else None,
        "broken": {"seq": report.broken.seq, "why": report.broken.why} if report.broken else None,
        "untrue": report.untrue,
        "signed_by": report.trust.signed_by,
        "copies": report.trust.copies,
        "limits": list(report.trust.limits),
        "records": {
            "broken": found.broken,
            "changed": [{**one.as_dict(), "says": f"{one.where}: {one.sentence}"} for one in found.changed],
            "seals": found.end.seq,
            "found": found.found,
            "based": found.covered,
            "not_covered": list(found.without),
        },
    }


_LISTED = 20
"""Changed records that the screen lists; `--json` has all of them."""


def report_lines(report: LedgerReport) -> list[str]:
    """What verifying found, in sentences: the chain, verdicts and measurements, and what is not covered."""
    found = report.records
    if report.broken:
        place, why = report.broken.seq, report.broken.why
        lines = [f"The ledger is broken at event {place}: {why}. Restore a backup (sprintline restore)."]
    else:
        in_file = (
            "and matches its head file" if report.head_file else "but has no head file that proves its end"
        )
        said = "The chain is intact" if report.untrue else f"The ledger is intact {in_file}"
        lines = [f"{said}: {report.events} events, head {report.head.hash[:16]}."]
    if report.untrue:
        lines.append(
            f"The ledger {report.untrue}. Restore a backup (sprintline restore); or, if it is right as it is: "
            "sprintline ledger accept"
        )
    elif report.trust.signed_by:
        copies = report.trust.copies
        compared = "" if copies is None else f", and {counted_as(copies, 'copied head')} verified"
        lines.append(f"Its head is signed by key {report.trust.signed_by}{compared}.")
    if found.broken:
        lines.append(
            f"The log of verdicts and measurements is broken: {found.broken}. Restore a backup (sprintline restore)."
        )
    if found.changed:
        lines.append(f"Verdicts and measurements that are not as they were written: {len(found.changed)}.")
        lines += [f"  {one.where}: {one.sentence}" for one in found.changed[:_LISTED]]
        if (more := len(found.changed) - _LISTED) > 0:
            lines.append(f"  and {more} more: sprintline ledger verify --json")
        lines.append(
            "  Materialize what is named again with its checks, or restore a backup. If they are right as they are: "
            "sprintline ledger accept"
        )
    elif not found.broken:
        lines.append(
            "Verdicts and measurements are as they were written; closings and decisions that are based on them: "
            f"{found.covered:,}, all verified."
        )
    if found.without:
        lines.append(
            f"Not covered: closings and decisions that are older than digests of verdicts and measurements: "
            f"{len(found.without):,} (events {_some(found.without)})."
        )
    if found.found:
        lines.append(
            f"Not covered: what {found.found:,} verdicts and measurements said before the records were migrated; a "
            "change since then is found."
        )
    return [*lines, *(f"Not covered: {limit[:1].lower()}{limit[1:]}." for limit in report.trust.limits)]


def _some(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return ", ".join(map(str, numbers[:8])) + more


@ledger.command(name="list")
@click.option("--kind", help="Only events of this kind, like decision; docs/reference/events.md lists them.")
@click.option("--product", help="Only events of this product, also those before it was removed.")
@click.option("--json", "as_json", is_flag=True, help="The events with their bodies as JSON, for machines.")
def list_(kind: str | None, product: str | None, as_json: bool) -> None:
    """List the events of the ledger, oldest first. Times are UTC."""
    records = _records()
    events = [
        event
        for event in (records.events(kind=kind) if records is not None else ())
        if product in (None, event.product)
    ]
    if not events:
        _refuse_unknown(records, kind, product)
    if as_json:
        click.echo(json.dumps([_as_dict(event) for event in events], indent=2, ensure_ascii=False))
        return
    if not events:
        click.echo(
            "There are no such events." if records else _NO_LEDGER.format(home=settings.home().root), err=True
        )
        return
    from sprintline.base.terminal import console

    for line in event_lines(events, console().width):
        click.echo(line)


@ledger.command()
@click.option("--reason", required=True, help="Why the ledger is right as it is, in a sentence.")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--json", "as_json", is_flag=True, help="The event as JSON, for machines; needs --yes.")
def accept(reason: str, by: str, yes: bool, as_json: bool) -> None:
    """Accept the ledger as it is and write its head file again, for example after restoring an older database.

    It says what is given up, and asks first. A ledger whose chain is broken is refused: restore a backup then.
    """
    from sprintline.base.people import person

    if not reason.strip():
        raise Refusal("--reason is empty: say in a sentence why the ledger is right as it is", code=2)
    if as_json and not yes:
        raise Refusal("--json asks nothing: add --yes", code=2)
    records = _records()
    if records is None:
        raise Refusal(_NO_LEDGER.format(home=settings.home().root))
    if (why := records.why_not_accepted()) is not None:
        raise Refusal(why)
    if not yes:
        for line in given_up(records.verify()):
            click.echo(line)
        if not click.confirm("Accept the ledger as it is?"):
            raise Refusal("nothing was changed")
    event = records.accept(person(by), reason.strip())
    click.echo(
        json.dumps(_as_dict(event), indent=2, ensure_ascii=False)
        if as_json
        else f"The ledger is accepted by event {event.seq}, by {event.actor}."
    )


def given_up(report: LedgerReport) -> list[str]:
    """What accepting this ledger gives up, in sentences."""
    if report.head_file is None:
        in_file = (
            "The head file is missing or cannot be read: events may have been cut off the end, unnoticed."
        )
    else:
        in_file = f"The head file names event {report.head_file.seq} with hash {report.head_file.hash[:16]}."
    broken = f"{report.broken.why[:1].upper()}{report.broken.why[1:]}." if report.broken else ""
    return [
        in_file,
        *([broken] if broken else []),
        *([f"The ledger {report.untrue}."] if report.untrue else []),
        *(f"{one.where}: {one.sentence}." for one in report.records.changed),
        f"The ledger has {report.events} events. After this its end counts as right: `sprintline ledger verify` no "
        "longer reports what was cut off or replaced.",
    ]


def event_lines(events: Sequence[Event], width: int) -> list[str]:
    """Events as a table where it fits the width, else two lines an event. No word is cut."""
    head = ("event", "at (UTC)", "kind", "product", "sprint", "by")
    rows = [
        (str(one.seq), f"{one.at:%Y-%m-%d %H:%M}", one.kind, one.product or "-", one.sprint or "-", one.actor)
        for one in events
    ]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    if sum(widths) + len(_GAP) * (len(head) - 1) <= width:
        return [_padded(row, widths) for row in (head, *rows)]
    lines = []
    for number, at, kind, product, sprint, actor in rows:
        lines.append(_GAP.join((number.ljust(widths[0]), at, kind)))
        below = [part for part in (product, sprint) if part != "-"]
        lines += _flowed([*below, f"by {actor}"], width, " " * (widths[0] + len(_GAP)))
    return lines


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()


def _flowed(parts: Sequence[str], width: int, indent: str) -> list[str]:
    """Parts side by side, as many on a line as fit."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] += _GAP + part
        else:
            lines.append(indent + part)
    return lines


def _records() -> Records | None:
    from sprintline.mechanisms.ledger.opened import existing_records

    return existing_records(settings.home())


def _refuse_unknown(records: Records | None, kind: str | None, product: str | None) -> None:
    """Refuse a kind that neither the catalogue nor the ledger has: nothing found would look like an answer."""
    from sprintline.mechanisms.declaration.located_yaml import suggest
    from sprintline.mechanisms.ledger.events import catalogue

    there = {event.kind for event in records.events()} if records is not None else set()
    kinds = sorted({*catalogue(), *there})
    if kind is not None and kind not in kinds:
        raise Refusal(f"there is no kind of event {kind}: {suggest(kind, kinds)}", code=2)
    products = sorted(
        {event.product for event in records.events() if event.product} if records is not None else ()
    )
    if product is not None and products and product not in products:
        raise Refusal(f"the ledger has no event of a product {product}: {suggest(product, products)}", code=2)


def _as_dict(event: Event) -> dict[str, object]:
    return {
        "event": event.seq,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "product": event.product,
        "sprint": event.sprint,
        "actor": event.actor,
        "body": dict(event.body),
        "hash": event.hash,
    }


COMMANDS = (ledger,)
