"""`sprintline backup`, `restore`, `prune`, `reset` and more: the state folder saved, brought back, bounded, cleared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.state.state_hash import state_hash

if TYPE_CHECKING:
    from sprintline.state.backup import Manifest, Told


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="What was saved as JSON, for machines.")
def backup(file: Path | None, as_json: bool) -> int:
    """Save the state folder in FILE, also while the platform runs.

    Without FILE it is sprintline-<moment>.tar.zst here. The file may be read by you alone: it contains all your data.
    """
    from sprintline.state.backup import SUFFIX, back_up

    home = settings.home()
    file = file or Path(f"sprintline-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}")
    with _progress("saving") as report:
        manifest = back_up(home, file, report)
    size = file.stat().st_size
    if as_json:
        click.echo(json.dumps({"file": str(file.absolute()), "bytes": size, **_summary(manifest)}, indent=2))
        return 0
    click.echo(
        f"Saved {home.root} in {file}: {len(manifest.files)} files, {_megabytes(manifest.size)} in {_megabytes(size)}, "
        f"ledger up to event {manifest.ledger['seq']}."
    )
    for lack in manifest.lacks:
        click.echo(f"It does not hold everything: {lack}.")
    click.echo(f"Bring it back with:  sprintline restore {file}")
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--replace", is_flag=True, help="If there is a state folder already: move it aside, then restore."
)
@click.option("--json", "as_json", is_flag=True, help="What was restored as JSON, for machines.")
def restore(file: Path, replace: bool, as_json: bool) -> int:
    """Bring the state folder back from FILE, at the same or at another place.

    Every file and the whole ledger are proven before anything is put in place; if anything fails, nothing changes.
    """
    from sprintline.state.restore import restore as bring_back

    home = settings.home()
    with _progress("restoring") as report:
        done = bring_back(file, home, replace=replace, report=report)
    if as_json:
        said = {"home": str(home.root), "aside": str(done.aside) if done.aside else None, "notes": done.notes}
        click.echo(json.dumps({**said, **_summary(done.manifest)}, indent=2))
        return 0
    manifest = done.manifest
    click.echo(
        f"Restored {home.root} as it was at {manifest.at}: {len(manifest.files)} files, every one as it was saved, "
        f"ledger up to event {manifest.ledger['seq']}."
    )
    if done.aside:
        click.echo(f"The old folder is now {done.aside}: remove it when all is well.")
    for note in done.notes:
        click.echo(f"Note: {note}.")
    return 0


@click.command()
@click.option("--dry-run", "dry", is_flag=True, help="Remove nothing, only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="What went, by kind, as JSON, for machines.")
def prune(dry: bool, as_json: bool) -> int:
    """Remove what is older than the settings SPRINTLINE_KEEP_..._DAYS keep; the daemon does so once a day.

    Never removed: verdicts, the ledger, models and the data they were made from, landed files, figures of reports.
    """
    from sprintline.state.sensors import prune as remove

    home = settings.home()
    if not home.root.is_dir():
        click.echo("[]" if as_json else f"There is nothing yet in {home.root}.")
        return 0
    from sprintline.hosting.runs import instance_of

    with instance_of(home) as instance:
        done = remove(home, instance, dry=dry)
    if as_json:
        click.echo(json.dumps({"dry_run": dry, "pruned": [vars(one) for one in done]}, indent=2))
        return 0
    for one in done:
        kept = f"kept for {one.keep_days} days" if one.keep_days is not None else "in the databases as well"
        click.echo(
            f"{one.removed:>7,}  {one.what} ({kept}), {_megabytes(one.freed)}{one.note and f'; {one.note}'}"
        )
    freed = _megabytes(sum(one.freed for one in done))
    click.echo(f"{freed} would be freed." if dry else f"{freed} freed.")
    return 0


def _summary(manifest: Manifest) -> dict[str, object]:
    return {
        "from": manifest.home,
        "at": manifest.at,
        "sprintline": manifest.sprintline,
        "schema": manifest.schema,
        "ledger": manifest.ledger,
        "files": len(manifest.files),
        "unpacked": manifest.size,
        "lacks": manifest.lacks,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def _progress(what: str) -> Iterator[Told]:
    """A line on the terminal that moves with every file; nothing where no one watches."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    files = size = 0
    with bar:
        task = bar.add_task(what)

        def report(name: str, more: int) -> None:
            nonlocal files, size
            files, size = files + 1, size + more
            bar.update(task, description=f"{what}: {files} files, {_megabytes(size)}  {name[-50:]}")

        yield report


@click.command()
@click.argument("product")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def reset(product: str, yes: bool) -> None:
    """Clear a product's state and keep its code: its next closing starts from nothing.

    It lists what will be deleted, with sizes, and asks first. Landed files are deleted too: keep a copy of those that
    you cannot get again. Verdicts, ledger and models stay, because decisions are not undone; they do not count any
    more. Other products stay as they are. Run it again to complete an interrupted reset.

    \b
    sprintline reset parcels
    """
    from sprintline.base.people import person
    from sprintline.base.terminal import Column, print_rows, say
    from sprintline.delivery.site import write_first
    from sprintline.landing.published import readers_of
    from sprintline.product.folders import chosen_folders
    from sprintline.state import removal
    from sprintline.state.procedures import RESET

    home = settings.home()
    (folder,) = chosen_folders(settings.ROOT, product)
    _refuse_while_used(home)
    interrupted = removal.removal_interrupted(home, product)
    if not interrupted and not removal.has_state(home, product):
        click.echo(f"{product} has no state in {home.root}: nothing to clear.")
        return
    if interrupted:
        say(f"A removal of the state of {product} was interrupted; this completes it.")
    places = removal.state_of(home, product)
    print_rows(
        [Column("deleted", wraps=True), Column("size", right=True)],
        [[str(place), _megabytes(removal.size_of(place))] for place in places],
    )
    say(
        "Also deleted: its measurements and its runs in Dagster. All of its code stays; so do verdicts, ledger and "
        "models."
    )
    for reader, tables in readers_of(product, folder).items():
        say(
            f"{reader} reads {', '.join(tables)} of {product}: its next sprint waits until they are there again."
        )
    if not yes and not click.confirm(f"Clear the state of {product}?"):
        raise Refusal("nothing was cleared")
    _refuse_while_used(home)
    removal.remove_state(home, product, person(), RESET)
    if home.site.is_dir():
        write_first(home)
    say(f"Cleared {product}: its next closing starts from nothing.  sprintline replay {product}")


def _refuse_while_used(home: settings.Home) -> None:
    """Raises Refusal while a command or a run works on the state folder."""
    from sprintline.base.processes import working_on
    from sprintline.hosting.starts import at_work

    if busy := at_work(home):
        raise Refusal(f"`{busy}` is using this state folder: stop it first, then clear the state")
    if working := working_on(home):
        pid, command = next(iter(working.items()))
        raise Refusal(
            f"process {pid} is working on {home.root} ({command[:80]}): wait until it has ended, then clear the state"
        )


@click.command("state-hash")
@click.argument("product", required=False)
@click.option("--json", "as_json", is_flag=True, help="Every part and the hash as JSON, for machines.")
def state_hash_command(product: str | None, as_json: bool) -> int:
    """The hash of what lake, warehouse and features hold: contents, not ids, clocks or files.

    A line per table and sprint, then the hash of all. Two folders that were closed on the same files agree in every
    line, however often, at once or interrupted their runs were.
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.state.hashes import parts_of

    home = settings.home()
    names = [folder.name for folder in chosen_folders(settings.ROOT, product)]
    parts = [part for name in names for part in parts_of(name, home)]
    whole = state_hash(parts)
    if as_json:
        click.echo(json.dumps({"parts": [one.as_dict() for one in parts], "hash": whole}, indent=2))
        return 0
    if not parts:
        click.echo(f"Nothing has been written yet in {home.root}: this is the hash of nothing.", err=True)
    from sprintline.base.terminal import say

    for one in parts:
        place = f"{one.product}/{one.room}/{one.table}"
        say(f"{one.hash}  {place}  {one.sprint or '-'}  {one.rows} rows", indent=4)
    click.echo(whole)
    return 0


@click.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="What was done as JSON, for machines.")
def migrate_command(as_json: bool) -> int:
    """Bring the records database to this Sprintline's schema. Safe to repeat, and to call twice at once.

    A newer database is refused and left as it is. Make a backup first: there is no way back.
    """
    from sprintline.mechanisms.ledger.record_tables import SCHEMA_VERSION
    from sprintline.mechanisms.ledger.records import Records

    home = settings.home()
    before = Records.migrate(
        home.records_url, None if home.records_url.startswith("sqlite") else home.ledger_head
    )
    if as_json:
        click.echo(json.dumps({"before": before, "now": SCHEMA_VERSION, "changed": before != SCHEMA_VERSION}))
    elif before == SCHEMA_VERSION:
        click.echo(f"The records are at schema {SCHEMA_VERSION}: nothing to do.")
    else:
        was = f"at schema {before}" if before else "empty"
        click.echo(f"The records were {was} and are at schema {SCHEMA_VERSION} now.")
    return 0


@click.command("recover")
@click.argument("product")
@click.option("--by", default="", help="Who does this; by default the user who runs the platform.")
@click.option("--dry-run", "dry", is_flag=True, help="Change nothing, only say what could be put back.")
@click.option("--json", "as_json", is_flag=True, help="What was put back as JSON, for machines.")
def recover_command(product: str, by: str, dry: bool, as_json: bool) -> int:
    """Put back rows of closed sprints in the lake that are not as they were recorded.

    They are taken from an older version of the table or from a data file that is still in its folder, and only when
    their content is the recorded one. For what is nowhere any more the way is named. Exit status 1 then.
    """
    from sprintline.base.people import person
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.state.recover import recover

    home = settings.home()
    (folder,) = chosen_folders(settings.ROOT, product)
    done = recover(load_runtime(folder, home), person(by), dry=dry)
    lost = [one for one in done if not one.source]
    if as_json:
        click.echo(json.dumps({"dry_run": dry, "tables": [one.as_dict() for one in done]}, indent=2))
        return 1 if lost else 0
    if not done:
        click.echo(f"Every lake table of {product} is as it was recorded.")
    for one in done:
        if one.source:
            click.echo(f"{one.changed}: {'could be' if dry else 'was'} put back from {one.source}.")
        else:
            click.echo(f"{one.changed}: nothing in the table's folder has the recorded rows.")
    if lost:
        sprints = ", ".join(sorted({one.changed.sprint for one in lost}))
        click.echo(
            f"Materialize {sprints} again (job {product}_closing), oldest first, which makes them from landing/; or "
            "restore a backup:  sprintline restore FILE"
        )
    return 1 if lost else 0


COMMANDS = (backup, restore, prune, reset, state_hash_command, migrate_command, recover_command)
