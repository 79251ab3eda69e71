"""`sprintline procedures` and `sprintline failpoints`: what has not ended, and where a kill is tried."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from sprintline.base import settings


@click.command("procedures")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines.")
def procedures_command(as_json: bool) -> None:
    """Procedures that have not ended: promotions and removals that run now or were interrupted.

    Each with its next step and with what to run to go on.
    """
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.procedures.begun import begun_procedures

    found = begun_procedures(existing_records(settings.home()))
    if as_json:
        click.echo(json.dumps([{**asdict(one), "since": one.since.isoformat()} for one in found], indent=2))
        return
    from sprintline.base.terminal import say

    for one in found:
        say(f"{one}", indent=4)
        say(f"  next step: {one.next_step}", indent=13)
        say(f"  to go on:  {one.resume}", indent=13)
    if not found:
        click.echo("No procedure is open.")


@click.command("failpoints")
@click.option("--json", "as_json", is_flag=True, help="Name and meaning as JSON, for machines.")
def failpoints_command(as_json: bool) -> None:
    """Where a process can be killed on purpose, and what is left half done there."""
    from sprintline.base.failpoints import VARIABLE
    from sprintline.mechanisms.procedures.declared import failpoints

    if as_json:
        click.echo(json.dumps(dict(failpoints()), indent=2))
        return
    from sprintline.base.terminal import Column, print_rows, say

    print_rows(
        [Column("failpoint"), Column("left half done", wraps=True)],
        [list(one) for one in failpoints().items()],
    )
    say(f"\nKill a process there: {VARIABLE}=NAME, or NAME:2 for the second passing.")


COMMANDS = (procedures_command, failpoints_command)
