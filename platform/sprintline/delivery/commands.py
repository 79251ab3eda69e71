"""Commands that show where sprints stand: status, backlog, site, report."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal, error_text

if TYPE_CHECKING:
    from sprintline.delivery.overview import ProductOverview
    from sprintline.mechanisms.backlog.items import Item
    from sprintline.mechanisms.reports.report import Report
    from sprintline.product.runtime import Runtime


@click.command()
@click.argument("product", required=False)
@click.argument("sprint", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="All planned sprints, or the one, as JSON, for machines."
)
def status(product: str | None, sprint: str | None, as_json: bool) -> int:
    """Status of every sprint: rows, Done or what is missing, champion, drift, decision.

    With SPRINT, for example 2013-S07, everything about that sprint, each reason in full. PRODUCT may be left out.
    """
    from sprintline.base.clock import Clock
    from sprintline.delivery.overview import only_sprint, product_overviews
    from sprintline.mechanisms.ledger.opened import existing_records

    if product and sprint is None and product[0].isdigit():  # a product's name starts with a letter
        product, sprint = None, product
    home = settings.home()
    found = product_overviews(settings.ROOT, home, product)
    if sprint is not None:
        found = only_sprint(found, sprint)
    if as_json:
        now = Clock(home.clock).now().isoformat()
        click.echo(json.dumps({"now": now, "products": [one.as_dict() for one in found]}, indent=2))
    elif not found:
        click.echo("There is no product yet. Make one: sprintline new PRODUCT")
    elif sprint is not None:
        _show_sprint(found)
    else:
        show(found, home)
    if (records := existing_records(home)) is not None and (why := records.trouble()):
        click.echo(f"sprintline: {why}", err=True)
    broken = [one for one in found if one.error]
    for one in broken:
        click.echo(f"sprintline: {one.product} does not load: {one.error}", err=True)
    return 1 if broken else 0


def _show_sprint(found: list[ProductOverview]) -> None:
    from sprintline.base.terminal import console
    from sprintline.delivery.table import SprintDetail

    out = console()
    for one in found:
        for row in one.sprints:
            out.print(SprintDetail(f"{one.title} ({one.product})", row), crop=False)


def show(found: list[ProductOverview], home: settings.Home) -> None:
    """Print the sprints of products, and how to begin where none has started."""
    from sprintline.base.terminal import console, say
    from sprintline.delivery.overview import begun
    from sprintline.delivery.table import SprintTable
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.procedures.begun import begun_procedures

    out = console()
    for one in found:
        if one.error:
            continue
        rows = begun(one.sprints)
        if any(row.rows or str(row.state) in ("closed", "refused") for row in rows):
            out.print(SprintTable(f"{one.title} ({one.product})", rows), crop=False)
            for note in one.notes:
                say(f"{one.product}: {note}", indent=2)
            continue
        say(f"{one.title} ({one.product}): no sprint has started to close in {home.root}.", indent=2)
        say(f"  Replay its history:  sprintline replay {one.product}", indent=4)
        files = f"{home.landing}/{one.product}/<source>/<sprint>.csv"
        say(f"  or drop files as     {files} and start  sprintline ui", indent=4)
    shown = {"", *(one.product for one in found)}
    for procedure in begun_procedures(existing_records(home)):
        if procedure.product in shown:
            say(f"{procedure}:  sprintline procedures", indent=2)


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Show the first page in the browser.")
@click.option(
    "--json", "as_json", is_flag=True, help="As JSON, for machines: the first page, products, errors."
)
def site(open_it: bool, as_json: bool) -> int:
    """Write the whole sprint site: tables, charts and a page per sprint, under the state folder.

    Every closing writes its own part; this writes all of it from the records.
    """
    from sprintline.delivery.site import write_broken, write_first, write_product
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.reports.site import Site, Written
    from sprintline.product.folders import product_folders
    from sprintline.product.runtime import load_runtime

    home, folders = settings.home(), product_folders(settings.ROOT)
    # First, so that a ledger whose database is gone is reported before a page says that nothing happened.
    existing_records(home)
    broken: dict[str, str] = {}
    written = Written()
    for folder in folders:
        try:
            written += write_product(load_runtime(folder, home))
        except OSError:
            raise  # no product's mistake: the state folder cannot be written
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one product must not hide the others
            broken[folder.name] = error_text(error, settings.ROOT).splitlines()[0]
            write_broken(home, folder.name, broken[folder.name])
    names = [folder.name for folder in folders]
    written += write_first(home, names)
    first = Site(home.site).first
    if as_json:
        said = {
            "first": str(first),
            "products": names,
            "pages": len(written.pages),
            "errors": broken,
            "notes": written.notes,
        }
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(f"Wrote {len(written.pages)} pages; open the first in a browser: {first}")
    for note in written.notes:
        click.echo(f"sprintline: {note}", err=True)
    for name, why in broken.items():
        click.echo(f"sprintline: {name} does not load: {why}", err=True)
    if open_it:
        click.launch(first.as_uri())
    return 1 if broken or written.failed else 0


@click.command()
@click.argument("name", required=False)
@click.argument("product", required=False)
@click.argument("sprint", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines: a document for each product.")
@click.option("--markdown", "as_markdown", is_flag=True, help="As Markdown, which is also the default.")
def report(
    name: str | None, product: str | None, sprint: str | None, as_json: bool, as_markdown: bool
) -> int:
    """Print a report; without NAME, list all reports.

    Without PRODUCT, all products. Of a report per sprint, without SPRINT, the newest sprint it has anything on.
    """
    from sprintline.delivery.printed import printed
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.reports.render import as_json as documents_as_json
    from sprintline.mechanisms.reports.render import markdown
    from sprintline.mechanisms.reports.report import ReportError, report_named, reports
    from sprintline.product.folders import chosen_folders

    if as_json and as_markdown:
        raise Refusal("choose --json or --markdown, not both", code=2)
    if name is None:
        _list_reports(list(reports().values()), as_json)
        return 0
    try:
        chosen = report_named(name)
    except ReportError as error:
        raise Refusal(str(error), code=2) from error
    if product and sprint is None and product[0].isdigit():  # a product's name starts with a letter
        product, sprint = None, product
    home = settings.home()
    existing_records(home)  # a ledger whose database is lost is an error, not an empty report
    found, broken = printed(chosen, chosen_folders(settings.ROOT, product), home, sprint)
    if as_json:
        click.echo(json.dumps(documents_as_json(chosen, found), indent=2, ensure_ascii=False))
    elif found:
        click.echo("\n".join(markdown(one) for _, one in found.values()), nl=False)
    elif not broken:
        where = f" of {sprint}" if sprint else ""
        click.echo(f"Report {name} is empty: nothing{where} has been recorded for it yet.")
    for of, why in broken.items():
        click.echo(f"sprintline: report {name} of {of} failed: {why}", err=True)
    return 1 if broken else 0


def _list_reports(found: list[Report], as_json: bool) -> None:
    if as_json:
        rows = [{"name": one.name, "title": one.title, "per": str(one.per)} for one in found]
        click.echo(json.dumps(rows, indent=2))
        return
    from sprintline.base.terminal import Column, print_rows

    print_rows(
        [Column("report"), Column("what it has", wraps=True)],
        [[one.name, f"{one.title}, {one.pages}"] for one in found],
    )


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
    """Open findings and planned work, of all products or of one."""
    if ctx.invoked_subcommand:
        return None
    from sprintline.mechanisms.backlog.board_rows import rows
    from sprintline.mechanisms.backlog.items import counts
    from sprintline.mechanisms.backlog.update import board_of
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.rules.waivers import waivers
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

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
        click.echo(f"Nothing is open: every finding was fixed, or none was made yet.{closed}")
        return 0
    _show(shown, counts(item for item, _ in found), several=len(folders) > 1)
    return 0


@backlog.command()
@click.argument("item")
@click.argument("owner")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def assign(item: str, owner: str, by: str) -> None:
    """Give ITEM to OWNER, a name or an address."""
    from sprintline.base.people import person
    from sprintline.governance import decide as acts

    found = _act(item, lambda runtime: acts.assign(runtime, person(by), item=item, owner=owner))
    click.echo(f"{found.name} belongs to {found.owner}.")


@backlog.command()
@click.argument("item")
@click.option("--reason", default="", help="Why, in a sentence.")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def close(item: str, reason: str, by: str) -> None:
    """Close ITEM by hand; its next sighting opens it again."""
    from sprintline.base.people import person
    from sprintline.governance import decide as acts

    found = _act(item, lambda runtime: acts.close_item(runtime, person(by), item=item, reason=reason))
    how = f"recovered in {found.recovered}" if found.recovered else f"closed by {found.closed_by}"
    click.echo(f"{found.name} is closed: {how}.")


@backlog.command()
@click.argument("title")
@click.option("--sprint", required=True, help="Sprint it is planned for, for example 2013-S07.")
@click.option("--kind", default="task", show_default=True, help="What it is: goal, task, spike or debt.")
@click.option("--product", default="", help="Product it belongs to; needed when there are several.")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def add(title: str, sprint: str, kind: str, product: str, by: str) -> None:
    """Plan work: add an item TITLE for a sprint. The same title again moves the item to the other sprint."""
    from sprintline.base.people import person
    from sprintline.governance import decide as acts
    from sprintline.governance.acts import ActError
    from sprintline.mechanisms.backlog.items import BacklogError
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    folders = chosen_folders(settings.ROOT, product or None)
    if not folders:
        raise Refusal("there is no product yet: make one with `sprintline new PRODUCT`", code=2)
    if len(folders) > 1:
        raise Refusal(
            f"name one of the products: --product {' or '.join(one.name for one in folders)}", code=2
        )
    try:
        runtime = load_runtime(folders[0], settings.home())
        found = acts.plan_item(runtime, person(by), title=title, kind=kind, sprint=sprint)
    except (ActError, BacklogError) as error:
        raise Refusal(str(error), code=2) from error
    click.echo(f"{found.name} is a {found.kind} of {found.last}.")


@backlog.command()
@click.argument("item")
@click.argument("priority")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def prioritise(item: str, priority: str, by: str) -> None:
    """Set the PRIORITY of ITEM: high, normal or low. By default an error is high and a warning normal."""
    from sprintline.base.people import person
    from sprintline.governance import decide as acts

    found = _act(item, lambda runtime: acts.prioritise(runtime, person(by), item=item, priority=priority))
    click.echo(f"{found.name} has priority {found.priority}.")


@backlog.command()
@click.argument("item")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
def start(item: str, by: str) -> None:
    """Record that work on ITEM begins."""
    from sprintline.base.people import person
    from sprintline.governance import decide as acts

    found = _act(item, lambda runtime: acts.start_item(runtime, person(by), item=item))
    click.echo(f"{found.name} was started by {found.started_by} at {found.started}.")


def _act(item: str, act: Callable[[Runtime], Item]) -> Item:
    """Do something to an item, in whichever product it is."""
    from sprintline.governance.acts import ActError
    from sprintline.mechanisms.backlog.items import BacklogError, chosen
    from sprintline.mechanisms.backlog.update import board_of
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    home = settings.home()
    runtimes = [load_runtime(folder, home) for folder in chosen_folders(settings.ROOT, None)]
    boards = [(runtime, board_of(runtime)) for runtime in runtimes] if existing_records(home) else []
    try:
        found = chosen([one for _, items in boards for one in items], item)
        return act(next(runtime for runtime, items in boards if found in items))
    except (ActError, BacklogError) as error:
        raise Refusal(str(error), code=2) from error


def _show(shown: list[tuple[Item, dict[str, Any]]], found: dict[str, int], several: bool) -> None:
    from rich.text import Text

    from sprintline.base.terminal import Column, print_rows, say

    names = ["id", "priority", "severity", "what", "asset", "seen", "since", "last", "owner", "evidence"]
    if several:
        names.insert(1, "product")
    lines: list[list[str | Text]] = []
    for item, row in shown:
        evidence = row["evidence"]
        evidence = evidence if len(evidence) <= _EVIDENCE else f"{evidence[: _EVIDENCE - 1].rstrip()}…"
        notes = [f"waived by {row['waived']}"] if row["waived"] else []
        if row["started"]:
            notes.append(f"started by {row['started']}")
        if not item.open:
            notes.append(
                f"recovered in {item.recovered}" if item.recovered else f"closed by {item.closed_by}"
            )
        if item.reopened:
            notes.append(f"came back {item.reopened}×")
        cells: list[str | Text] = [
            item.id,
            item.priority,
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
        if several:
            cells.insert(1, item.product)
        lines.append(cells)
    print_rows(
        [Column(name, wraps=name in ("what", "evidence"), right=name == "seen") for name in names],
        lines,
        {place: "dim" for place, (item, _) in enumerate(shown) if not item.open},
    )
    say(
        f"{found['open']} open ({found['error']} errors, {found['warn']} warnings), {found['closed']} closed. Seen: in "
        "so many sprints. A row is one finding; sprintline backlog --json has everything."
    )


COMMANDS = (status, site, report, backlog)
