"""What stands as a whole: its hash, the version of the records, and where a process can be killed to see it hold."""

from __future__ import annotations

import json

import click

from sprintline import settings
from sprintline.core.state import state_hash
from sprintline.failpoints import FAILPOINTS, VARIABLE


@click.command("state-hash")
@click.argument("product", required=False)
@click.option("--json", "as_json", is_flag=True, help="Every part and the hash as JSON, for machines.")
def state_hash_command(product: str | None, as_json: bool) -> int:
    """The hash of what lake, warehouse and features hold: contents, not ids, clocks or files.

    A line per table and sprint, then the hash of all. Two folders that were closed on the same files agree in every
    line, however often, at once or interrupted their runs were.
    """
    from sprintline.cli.survey import chosen_folders
    from sprintline.stores.state import parts_of

    home = settings.home()
    names = [folder.name for folder in chosen_folders(settings.ROOT, product)]
    parts = [part for name in names for part in parts_of(name, home)]
    whole = state_hash(parts)
    if as_json:
        click.echo(json.dumps({"parts": [one.as_dict() for one in parts], "hash": whole}, indent=2))
        return 0
    if not parts:
        click.echo(f"Nothing has been written yet in {home.root}: this is the hash of nothing.", err=True)
    for one in parts:
        place = f"{one.product}/{one.room}/{one.table}"
        click.echo(f"{one.hash}  {place}  {one.sprint or '-'}  {one.rows} rows")
    click.echo(whole)
    return 0


@click.command("failpoints")
@click.option("--json", "as_json", is_flag=True, help="Name and meaning as JSON, for machines.")
def failpoints_command(as_json: bool) -> None:
    """Where a process can be killed on purpose, and what stands half done there."""
    if as_json:
        click.echo(json.dumps(FAILPOINTS, indent=2))
        return
    for name, meaning in FAILPOINTS.items():
        click.echo(f"{name:<28}{meaning}")
    click.echo(f"\nKill a process there: {VARIABLE}=NAME, or NAME:2 for the second passing.")


@click.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="What was done as JSON, for machines.")
def migrate_command(as_json: bool) -> int:
    """Bring the records database to this Sprintline's schema. Safe to repeat, and to call twice at once.

    A newer database is refused and left as it is. Make a backup first: there is no way back.
    """
    from sprintline.stores.records import Records
    from sprintline.stores.records_schema import SCHEMA_VERSION

    home = settings.home()
    before = Records.migrate(home.records_url)
    if as_json:
        click.echo(json.dumps({"before": before, "now": SCHEMA_VERSION, "changed": before != SCHEMA_VERSION}))
    elif before == SCHEMA_VERSION:
        click.echo(f"The records are at schema {SCHEMA_VERSION}: nothing to do.")
    else:
        was = f"at schema {before}" if before else "empty"
        click.echo(f"The records were {was} and are at schema {SCHEMA_VERSION} now.")
    return 0
