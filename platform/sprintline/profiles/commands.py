"""`sprintline relations`: what holds between columns and sources, and the team's answer to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.profiles.found import Found


@click.command()
@click.argument("product")
@click.option(
    "--accept", metavar="KEY_OR_NUMBER", help="Write this relation into the contract of its source."
)
@click.option(
    "--reject", metavar="KEY_OR_NUMBER", help="Keep in the contract that this relation is not wanted."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines.")
def relations(product: str, accept: str | None, reject: str | None, as_json: bool) -> None:
    """Relations between columns and sources that hold in the last six closed sprints.

    An accepted relation is checked in every sprint (DQ107): a sprint that violates it is not Done.

    \b
    sprintline relations parcels
    sprintline relations parcels --accept 1
    sprintline relations parcels \\
        --accept "deliveries: order(placed_at, delivered_at)"
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.profiles import found

    if accept is not None and reject is not None:
        raise Refusal("--accept and --reject exclude each other: give one of them", code=2)
    (folder,) = chosen_folders(settings.ROOT, product)
    runtime = load_runtime(folder, settings.home())
    sprints = found.closed_sprints(runtime)
    if not sprints:
        raise Refusal(
            f"{product} has no closed sprint in {settings.home().root}: relations are found in what has landed; "
            f"run  sprintline replay {product}"
        )
    rows = found.found_in(runtime, sprints)
    if asked := accept or reject:
        one = found.chosen(rows, asked)
        place = found.accept(runtime, one) if accept else found.reject(runtime, one)
        click.echo(f"{'Accepted' if accept else 'Rejected'}: {one.relation.sentence}.")
        click.echo(f"  {place}")
        if accept and one.held < one.compared:
            click.echo(
                f"\nMind: it held in {one.held} of {one.compared} sprints, and {one.allowed:.1%} of the rows may "
                f"violate it."
            )
        click.echo(f"\nNext:\n  sprintline check {product}")
    elif as_json:
        click.echo(json.dumps({"sprints": sprints, "relations": [one.as_dict() for one in rows]}, indent=2))
    else:
        _show(product, sprints, rows)


def _show(product: str, sprints: Sequence[str], rows: Sequence[Found]) -> None:
    from sprintline.base.terminal import Column, print_rows, say

    print_rows(
        [
            Column("number", right=True), Column("held in"), Column("violated, most", right=True), Column("answer"),
            Column("relation", wraps=True),
        ],
        [
            [
                str(number), f"{one.held} of {one.compared}", f"{one.most:.2%}", one.answer or "-",
                one.relation.sentence,
            ]
            for number, one in enumerate(rows, 1)
        ],
    )  # fmt: skip
    say(
        f"{len(rows)} relations in {sprints[0]} to {sprints[-1]}. Accept one:  sprintline relations {product} "
        f"--accept NUMBER; their keys:  --json"
    )


COMMANDS = (relations,)
