"""Commands of the ledger."""

from __future__ import annotations

import json

import click

from sprintline.base import settings


@click.group()
def ledger() -> None:
    """What the platform and its people decided."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON, for machines.")
def verify(as_json: bool) -> int:
    """Prove that no event was changed, removed, inserted or cut off."""
    from sprintline.mechanisms.ledger.opened import existing_records

    home = settings.home()
    records = existing_records(home)
    if records is None:
        said: dict[str, object] = {"ok": True, "events": 0, "head": None, "anchored": None, "broken": None}
        sentence = f"There is no ledger yet in {home.root}: nothing has been recorded."
    else:
        report = records.verify()
        broken = {"seq": report.broken.seq, "why": report.broken.why} if report.broken else None
        said = {
            "ok": report.ok,
            "events": report.events,
            "head": report.head.hash,
            "anchored": report.anchored.seq if report.anchored else None,
            "broken": broken,
        }
        if report.broken:
            place, why = report.broken.seq, report.broken.why
            sentence = (
                f"The ledger does not hold at event {place}: {why}. Restore a backup (sprintline restore)."
            )
        else:
            anchor = "and is anchored" if report.anchored else "but no anchor vouches for its end"
            sentence = f"The ledger holds {anchor}: {report.events} events, head {report.head.hash[:16]}."
    click.echo(json.dumps(said, indent=2) if as_json else sentence, err=not as_json and not said["ok"])
    return 0 if said["ok"] else 1


COMMANDS = (ledger,)
