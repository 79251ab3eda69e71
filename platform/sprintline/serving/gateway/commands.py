"""`sprintline serve`, and the tokens by which its callers are known."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.serving.gateway.tokens import EVERY_PRODUCT, KEY_FILE, PURPOSES

PORT = 8100
HOUR = 3_600


@click.command()
@click.argument("products", nargs=-1)
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="Port on loopback."
)
@click.option(
    "--every", default=5.0, show_default=True, type=click.FloatRange(min=0.2),
    help="Seconds between two looks whether another model is live, or newer features are published.",
)  # fmt: skip
def serve(products: tuple[str, ...], port: int, every: float) -> None:
    """Answer requests by the live model, on loopback, until Ctrl-C.

    Features are looked up by their keys, as they were last published. Every prediction is logged before it is given.
    Who asks needs a token (sprintline token new).

    \b
    sprintline serve                  # every product that has a live model
    sprintline serve flight_delays
    """
    from sprintline.mechanisms.process_table import LOOPBACK, listens
    from sprintline.product.folders import chosen_folders, product_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.serving.gateway.prepare import prepare

    home = settings.home()
    _keys()
    if listens(port):
        raise Refusal(f"--port: {port} is in use on {LOOPBACK}: end what uses it, or name another", code=2)
    folders = (
        [chosen_folders(settings.ROOT, one)[0] for one in dict.fromkeys(products)]
        if products
        else product_folders(settings.ROOT)
    )
    ready, why = [], []
    for folder in folders:
        try:
            name = prepare(load_runtime(folder, home))
        except Refusal as refused:
            why.append(str(refused))
            continue
        ready.append(folder.name)
        click.echo(f"{folder.name}: prepared, snapshot {name[:12]}")
    if not ready or (products and why):
        raise Refusal("; ".join(why) or "there is no product yet: make one with `sprintline new PRODUCT`")
    for one in why:
        click.echo(f"Left out: {one}")
    click.echo(f"http://{LOOPBACK}:{port}/v1/products/{ready[0]}/predict   answers (Ctrl-C ends it)")
    click.echo(f"http://{LOOPBACK}:{port}/openapi/openapi.json   describes every route")
    sys.stdout.flush()
    # Another process, so that nothing that preparing needs is in the memory of what serves.
    os.execv(  # noqa: S606 - this same Python
        sys.executable,
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "sprintline.serving.gateway.server",
            str(port),
            str(every),
            *ready,
        ],
    )


@click.group()
def token() -> None:
    """Tokens by which callers of `sprintline serve` are known."""


@token.command("new")
@click.argument("name")
@click.option(
    "--product",
    "products",
    multiple=True,
    help="A product it is for; repeat it for several. [default: every]",
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice(PURPOSES),
    help="What it is for. [default: predict]",
)
@click.option(
    "--hours", default=8.0, show_default=True, type=click.FloatRange(min=0, min_open=True, max=24 * 31),
    help="How long it is valid.",
)  # fmt: skip
def new(name: str, products: tuple[str, ...], purposes: tuple[str, ...], hours: float) -> None:
    """Print a token for NAME, a person or a service.

    \b
    TOKEN=$(sprintline token new anna --product flight_delays)
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.serving.gateway.tokens import issue

    for product in products:
        chosen_folders(settings.ROOT, product)  # refuses a name that there is none of
    seconds = max(1, round(hours * HOUR))
    folder = _keys()
    try:
        made = issue(folder, name, products or (EVERY_PRODUCT,), purposes or (PURPOSES[0],), seconds)
    except OSError as error:
        raise Refusal(
            f"no key can be kept in {folder} ({error.strerror or error}): set SPRINTLINE_KEYS to a folder that can be "
            "written"
        ) from error
    except ValueError as error:
        raise Refusal(
            f"{folder / KEY_FILE} is no key ({error}): move it away, and the next token makes one"
        ) from error
    click.echo(made)


@token.command("revoke")
@click.argument("given", metavar="TOKEN")
def revoke(given: str) -> None:
    """Refuse TOKEN from now on, in gateways that run too."""
    from sprintline.serving.gateway.tokens import TokenRefused, token_id
    from sprintline.serving.gateway.tokens import revoke as refuse

    try:
        found = token_id(given)
    except TokenRefused as error:
        raise Refusal(f"TOKEN: {error}: give what `sprintline token new` printed", code=2) from error
    fresh = refuse(settings.home().serving, found)
    click.echo(f"Revoked {found}." if fresh else f"{found} was revoked before.")


@click.command()
@click.argument("product")
@click.argument("prediction_id", required=False)
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="Everything that is logged, as JSON.")
def predictions(product: str, prediction_id: str | None, limit: int, as_json: bool) -> None:
    """Show what the gateway answered: one prediction, or the last few.

    \b
    sprintline predictions flight_delays
    """
    from sprintline.base.terminal import Column, print_rows
    from sprintline.product.folders import chosen_folders
    from sprintline.serving.gateway.log import logged

    chosen_folders(settings.ROOT, product)
    found = logged(settings.home().serving / product / "log", prediction_id, limit)
    if prediction_id and not found:
        raise Refusal(f"no prediction {prediction_id} of {product} is logged")
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    if not found:
        click.echo(f"Nothing was predicted for {product} yet: sprintline serve {product}")
    if prediction_id:
        print_rows(
            [Column(""), Column("", wraps=True)],
            [
                (name, value if isinstance(value, str) else json.dumps(value))
                for name, value in found[0].items()
            ],
        )
    elif found:
        print_rows(
            [Column("asked at"), Column("prediction"), Column("who"), Column("answer", wraps=True)],
            [(one["at"][:19], one["prediction_id"], one["who"], _said(one["predictions"])) for one in found],
        )


def _said(answer: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in answer.items()
    )


def _keys() -> Path:
    if (found := settings.keys_folder()) is None:
        raise Refusal("SPRINTLINE_KEYS: set it to a folder; tokens are signed by a key in it", code=2)
    return found


COMMANDS = (serve, token, predictions)
