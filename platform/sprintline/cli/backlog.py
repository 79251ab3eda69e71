"""`sprintline backlog`: what waits to be mended, who it waits for, and by hand: assign, close."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sprintline import settings
from sprintline.cli.errors import Refusal

if TYPE_CHECKING:
    from sprintline.core.backlog import Item
    from sprintline.stages.runtime import Runtime

_STYLE = {"error": "red", "warn": "yellow"}
_EVIDENCE = 160
"""Characters of an evidence that the table shows; `--json` has all of it."""


class _Group(click.Group):
    """`backlog [PRODUCT]` beside `backlog assign`: a first word that is no subcommand names the product."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((word for word in args if not word.startswith("-")), None)
        if first in self.commands:
            args = ["", *args]
        else:  # a group reads its options before its arguments; here they may stand after the product
            args = sorted(args, key=lambda word: not word.startswith("-"))
        return super().parse_args(ctx, args)


@click.group(cls=_Group, invoke_without_command=True)
@click.argument("product", required=False)
@click.option("--all", "everything", is_flag=True, help="Closed items too.")
@click.option("--json", "as_json", is_flag=True, help="The items as a JSON list, for machines.")
@click.pass_context
def backlog(ctx: click.Context, product: str | None, everything: bool, as_json: bool) -> int | None:
    """What waits to be mended: one item per finding, of all products or of one."""
    if ctx.invoked_subcommand:
        return None
    from sprintline.cli.survey import chosen_folders, existing_records
    from sprintline.core.backlog import counts, rows
    from sprintline.stages.intake import board_of, waivers
    from sprintline.stages.runtime import load_runtime

    home = settings.home()
    folders = chosen_folders(settings.ROOT, product or None)
    found: list[tuple[Item, dict[str, Any]]] = []
    if existing_records(home) is not None:
        for folder in folders:
            runtime = load_runtime(folder, home)
            items = board_of(runtime)
            found += list(zip(items, rows(items, waivers(runtime), runtime.clock.now()), strict=True))
    shown = [(item, row) for item, row in found if item.open or everything]
    if as_json:
        said = [{**item.as_dict(), "waived": row["waived"] or None} for item, row in shown]
        click.echo(json.dumps(said, indent=2))
        return 0
    if not shown:
        closed = f" {len(found)} closed: sprintline backlog --all." if found else ""
        click.echo(f"Nothing is open: every finding was mended, or none was made yet.{closed}")
        return 0
    _show(shown, counts(item for item, _ in found), several=len(folders) > 1)
    return 0


@backlog.command()
@click.argument("item")
@click.argument("owner")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def assign(item: str, owner: str, by: str) -> None:
    """Give ITEM to OWNER, a name or an address."""
    from sprintline.stages import acts

    found = _act(item, lambda runtime: acts.assign(runtime, acts.person(by), item=item, owner=owner))
    click.echo(f"{found.id} ({found.code} on {found.asset}) belongs to {found.owner}.")


@backlog.command()
@click.argument("item")
@click.option("--reason", default="", help="Why, in a sentence.")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def close(item: str, reason: str, by: str) -> None:
    """Close ITEM by hand; its next sighting opens it again."""
    from sprintline.stages import acts

    found = _act(item, lambda runtime: acts.close_item(runtime, acts.person(by), item=item, reason=reason))
    how = f"recovered in {found.recovered}" if found.recovered else f"closed by {found.closed_by}"
    click.echo(f"{found.id} ({found.code} on {found.asset}) is closed: {how}.")


def _act(item: str, act: Callable[[Runtime], Item]) -> Item:
    """Do something to an item, in whichever product it is."""
    from sprintline.cli.survey import chosen_folders, existing_records
    from sprintline.core.acts import ActError
    from sprintline.core.backlog import BacklogError, chosen
    from sprintline.stages.intake import board_of
    from sprintline.stages.runtime import load_runtime

    home = settings.home()
    runtimes = [load_runtime(folder, home) for folder in chosen_folders(settings.ROOT, None)]
    boards = [(runtime, board_of(runtime)) for runtime in runtimes] if existing_records(home) else []
    try:
        found = chosen([one for _, items in boards for one in items], item)
        return act(next(runtime for runtime, items in boards if found in items))
    except (ActError, BacklogError) as error:
        raise Refusal(str(error), code=2) from error


def _show(shown: list[tuple[Item, dict[str, Any]]], found: dict[str, int], several: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from sprintline.cli.table import console

    table = Table(header_style="bold", pad_edge=False, padding=(0, 1), expand=True)
    names = ["id", "severity", "what", "asset", "seen", "since", "last", "owner", "evidence"]
    for name in ["product", *names] if several else names:
        table.add_column(
            name, no_wrap=name in ("id", "since", "last"), justify="right" if name == "seen" else "left"
        )
    for item, row in shown:
        evidence = row["evidence"]
        evidence = evidence if len(evidence) <= _EVIDENCE else f"{evidence[: _EVIDENCE - 1].rstrip()}…"
        notes = [f"waived by {row['waived']}"] if row["waived"] else []
        if not item.open:
            notes.append(
                f"recovered in {item.recovered}" if item.recovered else f"closed by {item.closed_by}"
            )
        if item.reopened:
            notes.append(f"came back {item.reopened}×")
        cells: list[str | Text] = [
            item.id,
            Text(
                item.severity if item.open else "closed",
                style=_STYLE.get(item.severity, "") if item.open else "dim",
            ),
            row["what"],
            item.asset,
            str(item.sightings),
            item.since,
            item.last,
            item.owner,
            "; ".join([*notes, evidence]),
        ]
        table.add_row(*([item.product, *cells] if several else cells), style=None if item.open else "dim")
    console().print(table)
    click.echo(
        f"{found['open']} open ({found['error']} errors, {found['warn']} warnings), {found['closed']} closed. Seen: in "
        "so many sprints. A row is one finding; sprintline backlog --json tells everything."
    )
