"""`sprintline`: the commands that `dg` does not already have.

Commands import what they need when they run, so that `sprintline --help` answers at once.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline import settings
from sprintline.cli.acts import COMMANDS as ACTS
from sprintline.cli.backlog import backlog
from sprintline.cli.errors import EXIT_CODES, Refusal, debugging, told
from sprintline.cli.faults import faults
from sprintline.cli.keep import backup, prune, restore
from sprintline.cli.models import card, reproduce
from sprintline.cli.products import add, check, new, remove
from sprintline.cli.reference import reference
from sprintline.cli.rules import explain, rules
from sprintline.cli.settings import settings_command
from sprintline.cli.site import site
from sprintline.cli.state import failpoints_command, migrate_command, state_hash_command
from sprintline.failpoints import armed

if TYPE_CHECKING:
    from sprintline.cli.survey import Surveyed
    from sprintline.stages.runtime import Runtime

LOOPBACK = "127.0.0.1"


@click.group(
    epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="sprintline")
def cli() -> None:
    """Close sprints of data products: what stands where, and what keeps it from being Done.

    State lives in SPRINTLINE_HOME (default: .sprintline/ in the clone).
    """
    armed()  # a mistake in SPRINTLINE_FAILPOINT is told before anything is started with it


def main() -> None:
    """Run a command; errors are one sentence on stderr and an exit code."""
    try:
        result = cli(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        if debugging() and not isinstance(error, click.UsageError):
            raise
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if debugging():
            raise
        click.echo(f"sprintline: {told(error, settings.ROOT)}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


@cli.command()
@click.argument("product", required=False)
@click.argument("sprint", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="All planned sprints, or the one, as JSON, for machines."
)
def status(product: str | None, sprint: str | None, as_json: bool) -> int:
    """Status of every sprint: rows, Done or what is missing, champion, drift, decision.

    With SPRINT, for example 2013-S07, everything about that sprint, each reason in full. PRODUCT may be left out.
    """
    from sprintline.cli.survey import only_sprint, survey
    from sprintline.stores.clock import Clock

    if product and sprint is None and product[0].isdigit():  # a product's name starts with a letter
        product, sprint = None, product
    home = settings.home()
    found = survey(settings.ROOT, home, product)
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
        _show(found, home)
    broken = [one for one in found if one.error]
    for one in broken:
        click.echo(f"sprintline: {one.product} does not load: {one.error}", err=True)
    return 1 if broken else 0


def _show_sprint(found: list[Surveyed]) -> None:
    from sprintline.cli.table import SprintDetail, console

    out = console()
    for one in found:
        for row in one.sprints:
            out.print(SprintDetail(f"{one.title} ({one.product})", row), crop=False)


def _show(found: list[Surveyed], home: settings.Home) -> None:
    from sprintline.cli.survey import begun
    from sprintline.cli.table import SprintTable, console

    out = console()
    for one in found:
        if one.error:
            continue
        rows = begun(one.sprints)
        if any(row.rows or str(row.state) in ("closed", "refused") for row in rows):
            out.print(SprintTable(f"{one.title} ({one.product})", rows), crop=False)
            continue
        out.print(
            f"[bold]{one.title}[/] ({one.product}): no sprint has begun to close in {home.root}.",
            soft_wrap=True,
        )
        out.print(
            f"  Replay its history:  sprintline replay {one.product}\n"
            f"  or drop files as     {home.landing}/{one.product}/<source>/<sprint>.csv and start  sprintline ui",
            soft_wrap=True,
        )


@cli.command()
def init() -> None:
    """Make the state folder: Dagster's instance and databases, landing and quarantine. Safe to repeat."""
    from sprintline.stores.instance import prepare

    home = settings.home()
    prepare(home)
    for room in (home.landing, home.quarantine):
        room.mkdir(parents=True, exist_ok=True)
    click.echo(f"The state folder is ready: {home.root}")
    click.echo(f"For dagster and dg commands: export DAGSTER_HOME={home.dagster} SPRINTLINE_HOME={home.root}")
    if home.dagster_url is not None:
        click.echo("They read Dagster's database from SPRINTLINE_DAGSTER_URL: export that as well")


cli.add_command(rules)
cli.add_command(explain)
cli.add_command(faults)


@cli.group()
def ledger() -> None:
    """What the platform and its people decided."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON, for machines.")
def verify(as_json: bool) -> int:
    """Prove that no event was changed, removed, inserted or cut off."""
    from sprintline.cli.survey import existing_records

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


@cli.command()
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
)
def ui(port: int) -> None:
    """The Dagster UI with its daemon, on loopback only; sensors run while it is open."""
    from sprintline.cli.replay import UI_PROCESS
    from sprintline.cli.servers import end_what_was_left
    from sprintline.stages.warm import started
    from sprintline.stores.instance import environment, prepare

    port = _free_port(port)
    workspace = settings.ROOT / "workspace.yaml"
    if not workspace.is_file():
        raise Refusal(
            f"{workspace} is missing: it lists the code locations, restore it or run sprintline new PRODUCT"
        )
    home = settings.home()
    prepare(home)
    dg = Path(sys.executable).with_name("dg")
    if not dg.exists():
        raise Refusal(f"{dg} is missing: run `make setup`")
    variables = environment(home)
    variables["PATH"] = os.pathsep.join([str(dg.parent), variables.get("PATH", os.defpath)])
    # Dagster warns of its own previews and deprecations with every reload; they are not the team's concern.
    variables.setdefault("PYTHONWARNINGS", "ignore")
    click.echo(f"Dagster UI: http://{LOOPBACK}:{port}  State: {home.root}")
    click.echo("Ready in some ten seconds, a minute with a new state folder; Ctrl-C ends it.")
    sys.stdout.flush()
    end_what_was_left(variables)
    (home.dagster / UI_PROCESS).write_text(f"{os.getpid()}@{started(os.getpid())}")
    os.chdir(settings.ROOT)  # workspace.yaml names its folders from here
    where = ["--host", LOOPBACK, "--port", str(port)]
    arguments = ["dev", "-w", str(workspace), *where, "--log-level", "warning"]
    # Becoming dg, instead of starting it, leaves nobody between the terminal's Ctrl-C and Dagster's own shutdown.
    os.execve(dg, [str(dg), *arguments], variables)  # noqa: S606 - no shell is wanted


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise Refusal(
                f"port {port} on {LOOPBACK} cannot be used ({error.strerror}): end what listens there, or choose "
                f"another with --port (0 takes any free one)"
            ) from None
        return int(probe.getsockname()[1])


@cli.command()
@click.argument("product", required=False)
@click.option(
    "--sprints",
    type=click.IntRange(min=1),
    help="How many sprints; by default 14, or as many as the provider has.",
)
def replay(product: str | None, sprints: int | None) -> int:
    """Replay a product's history through the running platform: files land, sensors do the rest.

    Without PRODUCT it is the first of workspace.yaml.
    """
    from sprintline.cli.replay import replay as replay_history
    from sprintline.cli.survey import chosen_folders, survey
    from sprintline.stages.runtime import load_runtime

    folders = chosen_folders(settings.ROOT, product)
    if not folders:
        raise Refusal("there is no product to replay: make one with sprintline new PRODUCT")
    order = _registered(settings.ROOT / "workspace.yaml")
    folder = min(folders, key=lambda one: order.index(one.name) if one.name in order else len(order))
    runtime = load_runtime(folder, settings.home())
    replay_history(runtime, sprints or _offered(runtime))
    found = survey(settings.ROOT, settings.home(), folder.name)
    _show(found, settings.home())
    click.echo("\nDagster UI:      sprintline ui (or make ui)")
    click.echo("Status again:    sprintline status (--json for machines)")
    click.echo("One sprint:      sprintline status SPRINT")
    click.echo(f"Sprints as HTML: {settings.home().site / 'index.html'}")
    click.echo("Check ledger:    sprintline ledger verify")
    return 1 if found[0].error else 0


def _offered(runtime: Runtime, most: int = 14) -> int:
    """How many of the first sprints the provider has, `most` at most."""
    from sprintline.cli.replay import provided

    provide = getattr(runtime.sources, "provide", None)
    count = 0
    if provide is None:
        return most  # the replay says what is missing
    for key in runtime.calendar.keys[:most]:
        try:
            provided(runtime, key, provide)
        except LookupError:
            break
        count += 1
    return count or most


def _registered(workspace: Path) -> list[str]:
    """Products in the order of workspace.yaml; the first is what is replayed when none is named."""
    return re.findall(r"products\.(\w+)\.definitions", workspace.read_text()) if workspace.is_file() else []


for command in (
    new, add, remove, check, state_hash_command, failpoints_command, migrate_command, backup, restore, prune,
    settings_command, reproduce, card, backlog, site, reference, *ACTS,
):  # fmt: skip
    cli.add_command(command)


if __name__ == "__main__":
    main()
