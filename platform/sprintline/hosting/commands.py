"""Commands that start processes: init, ui, replay."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.product.runtime import Runtime

LOOPBACK = "127.0.0.1"


@click.command()
def init() -> None:
    """Make the state folder: Dagster's instance and databases, landing and quarantine. Safe to repeat."""
    from sprintline.hosting.instance import prepare

    home = settings.home()
    prepare(home)
    for room in (home.landing, home.quarantine):
        room.mkdir(parents=True, exist_ok=True)
    click.echo(f"The state folder is ready: {home.root}")
    click.echo(f"For dagster and dg commands: export DAGSTER_HOME={home.dagster} SPRINTLINE_HOME={home.root}")
    if home.dagster_url is not None:
        click.echo("They read Dagster's database from SPRINTLINE_DAGSTER_URL: export that as well")


@click.command()
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
)
def ui(port: int) -> None:
    """The Dagster UI with its daemon, on loopback only; sensors run while it is open."""
    from sprintline.hosting.instance import environment, prepare
    from sprintline.hosting.replay import UI_PROCESS
    from sprintline.hosting.servers import end_what_was_left
    from sprintline.hosting.warm import started

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


@click.command()
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
    from sprintline.delivery.commands import show
    from sprintline.delivery.survey import survey
    from sprintline.hosting.replay import replay as replay_history
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    folders = chosen_folders(settings.ROOT, product)
    if not folders:
        raise Refusal("there is no product to replay: make one with sprintline new PRODUCT")
    order = _registered(settings.ROOT / "workspace.yaml")
    folder = min(folders, key=lambda one: order.index(one.name) if one.name in order else len(order))
    runtime = load_runtime(folder, settings.home())
    replay_history(runtime, sprints or _offered(runtime))
    found = survey(settings.ROOT, settings.home(), folder.name)
    show(found, settings.home())
    click.echo("\nDagster UI:      sprintline ui (or make ui)")
    click.echo("Status again:    sprintline status (--json for machines)")
    click.echo("One sprint:      sprintline status SPRINT")
    click.echo(f"Sprints as HTML: {settings.home().site / 'index.html'}")
    click.echo("Check ledger:    sprintline ledger verify")
    return 1 if found[0].error else 0


def _offered(runtime: Runtime, most: int = 14) -> int:
    """How many of the first sprints the provider has, `most` at most."""
    from sprintline.hosting.replay import provided

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


COMMANDS = (init, ui, replay)
