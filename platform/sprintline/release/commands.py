"""`sprintline live`, `card`, `reproduce`: which model is live, what is known of it, whether it is reproducible."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.product.runtime import Runtime

MODEL_HELP = "MODEL is PRODUCT:champion, PRODUCT:candidate (the newest trained) or PRODUCT:ID; the start of an id does."


def chosen_model(text: str) -> tuple[Runtime, str]:
    """Product and model of `PRODUCT:NAME`. Raises Refusal for what is neither."""
    from sprintline.learning.registry import ModelError
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.release.reproduce import find_model

    product, colon, name = text.partition(":")
    if not colon or not name:
        raise Refusal(f"{text!r} names no model. {MODEL_HELP}", code=2)
    folder = chosen_folders(settings.ROOT, product)[0]
    runtime = load_runtime(folder, settings.home())
    if existing_records(runtime.home) is None:
        raise Refusal(
            f"there is no model of {product} yet in {runtime.home.root}: nothing has been recorded; "
            f"close sprints first: sprintline replay {product}"
        )
    try:
        return runtime, find_model(runtime, name)
    except ModelError as error:
        raise Refusal(str(error), code=2) from error


@click.command(epilog=MODEL_HELP)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="The card in full as JSON, for machines.")
def card(model: str, as_json: bool) -> int:
    """A model's card: every figure from the records of its training, and what changed since the champion before it.

    Exits with 1 when the card is missing, a section is empty, a figure is no longer what its record says, or a file of
    the model was changed after its release.
    """
    from sprintline.learning.card_pages import markdown
    from sprintline.release.cards import bundle_damage, card_faults, read_card

    runtime, model_id = chosen_model(model)
    found = read_card(runtime, model_id)
    if found is None:
        raise Refusal(
            f"model {model_id} of {runtime.product} has no card: it was trained before cards were written"
        )
    faults = card_faults(runtime, model_id)
    wrong = [
        *(f"section {name} is empty" for name in faults["empty"]),
        *faults["stale"],
        *(f"claim without a metric: {says}" for says in faults["unmeasured"]),
        *bundle_damage(runtime, found),
    ]
    if as_json:
        click.echo(json.dumps({**found, "faults": wrong}, indent=2, ensure_ascii=False))
    else:
        click.echo(markdown(found), nl=False)
        for one in wrong:
            click.echo(f"sprintline: {one}", err=True)
    return 1 if wrong else 0


@click.command(epilog=MODEL_HELP)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Every piece of evidence as JSON, for machines.")
def reproduce(model: str, as_json: bool) -> int:
    """Make a model again from what was recorded of it, and compare its predictions bit for bit.

    Exits with 1 and `unreproducible: …` when a piece of evidence is missing or a prediction differs.
    """
    from sprintline.release.reproduce import reproduce as make_again

    answer = make_again(*chosen_model(model))
    if as_json:
        click.echo(json.dumps(answer.as_dict(), indent=2))
    else:
        click.echo(f"{answer.product}:{answer.model_id}")
        from sprintline.base.terminal import Column, print_rows, say

        print_rows(
            [Column("evidence"), Column("state"), Column("what was found", wraps=True)],
            [[one.evidence, "there" if one.there else "MISSING", one.says] for one in answer.evidence],
        )
        say(answer.sentence)
    return 0 if answer.ok else 1


@click.command()
@click.argument("product", required=False)
@click.option(
    "--at", metavar="SPRINT|TIME", help="Before the questions of a sprint, or at a moment (ISO 8601)."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines: the live model, moves, stages.")
def live(product: str | None, at: str | None, as_json: bool) -> int:
    """Which model is live, since when and why, and every move before it.

    With --at 2013-S07, the model that was live before the questions of that sprint. With --at 2013-03-29T12:00, the
    model that was live at that moment; a time without an offset is in the time zone of the product's calendar. Without
    PRODUCT, all products.

    Exits with 1 when no model was live, or when the sprint before SPRINT is not decided.
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.release.answers import answer, show

    home = settings.home()
    found = [answer(load_runtime(folder, home), at) for folder in chosen_folders(settings.ROOT, product)]
    if as_json:
        click.echo(json.dumps({"at": at, "products": [one.as_dict() for one in found]}, indent=2))
    elif not found:
        click.echo("There is no product yet. Make one: sprintline new PRODUCT")
    for one in found:
        if not as_json:
            show(one)
        if one.error:
            click.echo(f"sprintline: {one.error}", err=True)
    return int(any(one.error for one in found))


COMMANDS = (live, card, reproduce)
