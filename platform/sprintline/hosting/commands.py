"""Commands that start processes and show them: init, env, ui, docs, feast, mlflow, replay, retry, processes."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sprintline.hosting.failure_news import FailureNews
    from sprintline.hosting.starts import Running
    from sprintline.product.runtime import Runtime


@click.command()
def init() -> None:
    """Make the state folder: Dagster's instance and databases, landing and quarantine. Safe to repeat."""
    from sprintline.hosting.instance import prepare

    home = settings.home()
    prepare(home)
    for room in (home.landing, home.quarantine):
        room.mkdir(parents=True, exist_ok=True)
    click.echo(f"The state folder is ready: {home.root}")
    click.echo('For dagster, dg, dbt, feast and mlflow commands: eval "$(sprintline env)"')


_with = click.option(
    "--with",
    "asked",
    multiple=True,
    metavar="NAME",
    help="Also start a process of the table that runs only on request; can be repeated.",
)


@click.command()
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
)
@_with
def ui(port: int, asked: tuple[str, ...]) -> None:
    """The Dagster UI with its daemon, on loopback only; sensors run while it is open."""
    from sprintline.hosting import running_code, starts
    from sprintline.hosting.failure_news import FailureNews
    from sprintline.hosting.instance import prepare
    from sprintline.hosting.processes import WEBSERVER

    workspace = settings.ROOT / "workspace.yaml"
    if not workspace.is_file():
        raise Refusal(
            f"{workspace} is missing: it lists the code locations, restore it or run sprintline new PRODUCT"
        )
    home = settings.home()
    if (open_one := starts.open_ui(home)) is not None:
        raise Refusal(
            f"`sprintline ui` is open on {home.root} already (process {open_one.owner}): use that one, or end it first"
        )
    ports = starts.ports_for(home, "ui", asked, {WEBSERVER: port})
    with starts.ending_on_signals():
        starts.end_left(home, lambda told: click.echo(told, err=True))
        with starts.mark(home, "ui") as folder:
            prepare(home)
            running_code.remember(folder)
            with starts.platform(home, "ui", folder, asked, ports) as running:
                if settings.listen() == settings.EVERY_ADDRESS:
                    click.echo(
                        "SPRINTLINE_LISTEN: the UI listens on every address, and asks no one for a password"
                    )
                address = f"http://{settings.LOOPBACK}:{running.start.ports[WEBSERVER]}"
                click.echo(f"Dagster UI: {address}  State: {home.root}")
                click.echo("Ready in some ten seconds, a minute with a new state folder; Ctrl-C ends it.")
                sys.stdout.flush()
                _watch(running, address, lambda: _tour(address, home), FailureNews(home))


def _tour(address: str, home: settings.Home) -> None:
    """What to look at first: pages of the first product, or how to give it sprints."""
    from sprintline.base.terminal import Column, print_rows, say

    folder = _chosen(None)
    if folder is None:
        say("There is no product yet: sprintline new")
        return
    product = folder.name
    rows = [
        [f"{address}/assets/{product}/{asset}", what]
        for asset, what in (
            ("increment", "Done, or what is missing"),
            ("scores", "how good its model was"),
            ("drift", "how far data moved"),
            ("backlog", "open findings"),
        )
    ]
    rows = [[f"{address}/asset-groups", "stages and their assets"], *rows]
    if (home.site / "index.html").is_file():
        rows.append([str(home.site / "index.html"), "sprints as pages, with charts"])
    say("\nLook at:")
    print_rows([Column(""), Column("", wraps=True)], rows)
    if not (home.site / product).is_dir():
        say(f"No sprint of {product} has closed yet: sprintline replay {product}, in another terminal.")


def _watch(
    running: Running, address: str, on_ready: Callable[[], object], news: FailureNews | None = None
) -> None:
    """Say when all processes are ready, what becomes of them and which runs fail, until a signal or a failure."""
    said, ready = 0, False
    while True:
        running.check()
        events = running.table.get("events", [])
        for event in events[said:]:
            click.echo(event, err=True)
        said = len(events)
        for line in news.lines() if news else ():
            click.echo(line, err=True)
        if not ready and running.healthy():
            ready = True
            click.echo(f"Ready: {address}  Processes: sprintline processes  Logs: {running.start.folder}")
            on_ready()
            sys.stdout.flush()
        time.sleep(0.5)


@click.command()
@click.option("--product", help="The product for dbt and feast; by default the first of workspace.yaml.")
def env(product: str | None) -> None:
    """Lines for your shell, so that dagster, dg, dbt, feast and mlflow work on the state folder there.

    \b
    eval "$(sprintline env)"
    eval "$(sprintline env --product parcels)"

    dbt and feast work on one product. What compiles SQL needs a sprint too: export SPRINTLINE_SPRINT=2013-S07.
    """
    from sprintline.hosting.libraries import shell_lines

    home, folder = settings.home(), _chosen(product)
    shown = sys.stdout.isatty()
    for line in shell_lines(home, folder.name if folder else None, shown=shown):
        click.echo(line)
    notes = []
    if shown:
        notes.append('These lines are for your shell: eval "$(sprintline env)"')
    if folder is None:
        notes.append(
            "There is no product yet, so dbt and feast have nothing to work on: sprintline new PRODUCT"
        )
    elif product is None:
        notes.append(f"dbt and feast work on {folder.name}; sprintline env --product NAME chooses another.")
    if not home.dagster.is_dir():
        notes.append(f"{home.root} has no Dagster instance yet: sprintline init makes it.")
    for note in notes:
        click.echo(note, err=True)


def _serves(port: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of a command that starts a library's own server."""

    def options(command: Callable[..., None]) -> Callable[..., None]:
        ported = click.option(
            "--port",
            default=port,
            show_default=True,
            type=click.IntRange(0, 65535),
            help="0 takes any free one.",
        )(command)
        return click.option("--open", "opens", is_flag=True, help="Open it in the browser when it is ready.")(
            ported
        )

    return options


@click.command()
@click.argument("product", required=False)
@_serves(8080)
def docs(product: str | None, port: int, opens: bool) -> None:
    """dbt's pages of a product, on loopback only: models, columns, tests, lineage and the SQL as it runs.

    Without PRODUCT it is the first of workspace.yaml. They are written first, from the code and the warehouse as they
    are now; nothing can be built in these seconds.
    """
    from sprintline.lake.tables import Lake
    from sprintline.product.runtime import load_runtime
    from sprintline.warehouse.dbt import Warehouse
    from sprintline.warehouse.docs import write_docs

    folder = _with_state("docs", product)
    runtime = load_runtime(folder, settings.home())
    lake = runtime[Lake]
    built = [sprint for table in lake.tables(folder.name) for sprint in lake.sprints(table)]
    click.echo(f"dbt writes the pages of {folder.name}: some ten seconds.")
    sys.stdout.flush()
    write_docs(runtime[Warehouse], max(built, default=runtime.calendar.keys[0]))
    _serve("docs", folder.name, f"dbt docs of {folder.name}", port, opens)


@click.command()
@click.argument("product", required=False)
@_serves(8888)
def feast(product: str | None, port: int, opens: bool) -> None:
    """Feast's UI of a product, on loopback only: entities, feature views and services as they are registered.

    Without PRODUCT it is the first of workspace.yaml.
    """
    folder = _with_state("feast", product)
    _serve("feast", folder.name, f"Feast UI of {folder.name}", port, opens)


@click.command()
@_serves(5000)
def mlflow(port: int, opens: bool) -> None:
    """MLflow's UI, on loopback only: runs, registered models and their versions, of all products."""
    _serve("mlflow", _with_state("mlflow", None).name, "MLflow UI", port, opens)


def _with_state(library: str, product: str | None) -> Path:
    """The folder of the chosen product. Raises Refusal when the library has nothing to show yet."""
    from sprintline.hosting.libraries import missing_state

    folder = _chosen(product)
    if folder is None:
        raise Refusal("there is no product yet: make one with sprintline new PRODUCT")
    if missing := missing_state(settings.home(), library, folder.name):
        raise Refusal(missing)
    return folder


def _serve(library: str, product: str, title: str, port: int, opens: bool) -> None:
    """Start a library's own server, and hold it until a signal."""
    from sprintline.hosting import starts
    from sprintline.hosting.libraries import environment_for
    from sprintline.mechanisms.process_table import LOOPBACK

    home = settings.home()
    ports = starts.ports_for(home, library, given={library: port})
    with starts.ending_on_signals():
        starts.end_left(home, lambda told: click.echo(told, err=True))
        more = environment_for(home, library, product)
        with (
            starts.mark(home, library) as folder,
            starts.platform(home, library, folder, (), ports, more) as running,
        ):
            address = f"http://{LOOPBACK}:{running.start.ports[library]}"
            click.echo(f"{title}: {address}  State: {home.root}")
            click.echo("Ready in some ten seconds; Ctrl-C ends it.")
            sys.stdout.flush()
            _watch(running, address, lambda: opens and click.launch(address))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Exit code 1 unless sprintline ui runs and all of it is healthy.",
)
def processes(as_json: bool, only_check: bool) -> None:
    """The processes on this state folder now: name, process id, port, start, health and log."""
    from sprintline.hosting.starts import left, open_ui, running, strays

    home = settings.home()
    if only_check:
        if (opened := open_ui(home)) is None or not (rows := opened.rows()):
            raise Refusal(f"sprintline ui does not run on {home.root}")
        if ill := [f"{row.name} is {row.health}" for row in rows if row.health != "healthy"]:
            raise Refusal(f"{', '.join(ill)}; logs: {opened.folder}")
        click.echo(f"healthy: {', '.join(row.name for row in rows)}")
        return
    found = running(home)
    if as_json:
        starts = [
            {"command": one.where, "owner": one.owner, "processes": [row.as_json() for row in one.rows()]}
            for one in found
        ]
        click.echo(json.dumps({"home": str(home.root), "starts": starts, "left": left(home)}))
        return
    from sprintline.base.terminal import say

    for sentence in strays(home):
        say(sentence)
    if not found and not strays(home):
        say(f"No process runs on {home.root}: sprintline ui and sprintline replay start them.")
    for one in found:
        owner = f"process {one.owner}" if one.owner else "killed; the next start ends what it left"
        say(f"sprintline {one.where} ({owner})")
        if not one.rows():
            say(
                "  no processes of its own"
                + (" yet" if one.where == "ui" else ": the UI's daemon works for it")
            )
        for row in one.rows():
            again = f", started again {row.restarts} times" if row.restarts else ""
            say(
                f"  {row.name}: {row.health}{again}, process {row.pid or '-'}, port {row.port or '-'}, "
                f"since {row.since or '-'}, log {row.log or '-'}",
                indent=4,
            )


@click.command()
@click.argument("product", required=False)
@click.option(
    "--sprints",
    type=click.IntRange(min=1),
    help="How many sprints; by default 14, or as many as the provider has.",
)
@_with
def replay(product: str | None, sprints: int | None, asked: tuple[str, ...]) -> int:
    """Replay a product's history through the running platform: files land, sensors do the rest.

    Without PRODUCT it is the first of workspace.yaml.
    """
    from sprintline.delivery.commands import show
    from sprintline.delivery.overview import product_overviews
    from sprintline.hosting import starts
    from sprintline.hosting.replay import replay as replay_history
    from sprintline.product.runtime import load_runtime

    folder = _chosen(product)
    if folder is None:
        raise Refusal("there is no product to replay: make one with sprintline new PRODUCT")
    runtime = load_runtime(folder, settings.home())
    with starts.ending_on_signals():
        starts.end_left(runtime.home, lambda told: click.echo(told, err=True))
        replay_history(runtime, sprints or _offered(runtime), asked=asked)
    found = product_overviews(settings.ROOT, settings.home(), folder.name)
    show(found, settings.home())
    click.echo("\nDagster UI:      sprintline ui (or make ui)")
    click.echo("Status again:    sprintline status (--json for machines)")
    click.echo("One sprint:      sprintline status SPRINT")
    click.echo(f"Sprints as HTML: {settings.home().site / 'index.html'}")
    click.echo("Check ledger:    sprintline ledger verify")
    return 1 if found[0].error else 0


@click.command()
@click.argument("sprint", required=False)
@click.option("--product", help="Product it belongs to; without it, of all products.")
@click.option("--by", default="", help="Who does this; by default the user of the operating system.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines.")
def retry(sprint: str | None, product: str | None, by: str, as_json: bool) -> int:
    """Try a sprint again whose run failed, for example 2013-S07; without SPRINT, every one.

    The sensors start its run: at once while `sprintline ui` or a replay is open, else with the next.
    """
    from sprintline.base.people import person
    from sprintline.delivery.retry import Retry, RetryError, failures, retry_all
    from sprintline.delivery.retry import retry as retry_one
    from sprintline.hosting.runs import noted_failures, run_going_on
    from sprintline.hosting.starts import closing_now, left
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    home, actor = settings.home(), person(by)
    done: list[Retry] = []
    others: list[str] = []
    runtimes = [load_runtime(folder, home) for folder in chosen_folders(settings.ROOT, product)]
    for runtime in runtimes:
        noted_failures(runtime)
    if existing_records(home) is not None:
        if sprint:
            # A key of several products' calendars: of those, the ones that failed.
            planned = [one for one in runtimes if sprint in one.calendar.keys] or runtimes
            for runtime in [one for one in planned if sprint in failures(one)] or planned[:1]:
                try:
                    done.append(retry_one(runtime, sprint, actor, run_going_on))
                except RetryError as error:
                    raise Refusal(str(error), code=2) from error
        else:
            for runtime in runtimes:
                tried, not_tried = retry_all(runtime, actor, run_going_on)
                done, others = [*done, *tried], [*others, *not_tried]
    elif sprint:
        raise Refusal("nothing to retry: no sprint has run on this state folder yet", code=2)
    left_behind, open_ = left(home), closing_now(home)
    if as_json:
        said = {
            "retried": [one.as_dict() for one in done],
            "not_retried": others,
            "platform": open_,
            "processes_left": left_behind,
        }
        click.echo(json.dumps(said, indent=2))
        return 0
    for line in [*map(str, done), *others]:
        click.echo(line)
    if not done and not others:
        click.echo("Nothing to retry: no sprint has a failed run.")
    elif done and not left_behind:
        click.echo(
            f"`{open_}` is open; its sensors start the run now."
            if open_
            else "No platform is open: `sprintline ui` or `sprintline replay` starts the run."
        )
    for line in left_behind:
        click.echo(line, err=True)
    return 0


def _offered(runtime: Runtime, most: int = 14) -> int:
    """How many of the first sprints the provider has, `most` at most."""
    from sprintline.hosting.replay import provided
    from sprintline.landing.arrivals import arrivals_of

    provide = getattr(runtime.sources, "provide", None)
    count = 0
    if not runtime.spec.landed:
        return min(most, sum(not one.waits for one in arrivals_of(runtime)[0].values())) or 1
    if provide is None:
        return most  # the replay says what is missing
    for key in runtime.calendar.keys[:most]:
        try:
            provided(runtime, key, provide)
        except LookupError:
            break
        count += 1
    return count or most


def _chosen(product: str | None) -> Path | None:
    """The folder of the product that is named, or of the first of workspace.yaml; None without any."""
    from sprintline.product.folders import chosen_folders

    order = _registered(settings.ROOT / "workspace.yaml")
    folders = chosen_folders(settings.ROOT, product)
    return min(
        folders, key=lambda one: order.index(one.name) if one.name in order else len(order), default=None
    )


def _registered(workspace: Path) -> list[str]:
    """Products in the order of workspace.yaml."""
    return re.findall(r"products\.(\w+)\.definitions", workspace.read_text()) if workspace.is_file() else []


COMMANDS = (init, env, ui, docs, feast, mlflow, replay, retry, processes)
