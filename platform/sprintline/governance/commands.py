"""`sprintline waive`, `approve`, `attest`, `waivers`: decisions by people, as the jobs of the Dagster UI take them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.governance.decide import Act
    from sprintline.product.runtime import Runtime

_BY = click.option("--by", default="", help="Who does this; by default the user of the operating system.")
_APPROVER = click.option("--approver", default="", help="Who answers for it: a name or an address.")
_EXPIRES = click.option("--expires", default="", help="Last UTC day on which it is valid, like 2026-12-31.")
_JSON = click.option("--json", "as_json", is_flag=True, help="The event as JSON, for machines.")


@click.command()
@click.argument("product")
@click.argument("code")
@click.option(
    "--asset", default="", help="The one asset it is meant for; by default every asset the rule judges."
)
@click.option("--reason", default="", help="Why, in a sentence.")
@_EXPIRES
@_APPROVER
@click.option("--withdraw", is_flag=True, help="Take the waiver back instead; needs --reason.")
@_BY
@_JSON
def waive(product: str, code: str, by: str, withdraw: bool, as_json: bool, **said: str) -> None:
    """Let gates open in spite of the rule CODE, for a time.

    A waiver accepts a verdict; it cannot replace a missing verdict. Sprints that closed before it are closed again
    under it while `sprintline ui` is open, or when their increment is materialized.
    """
    from sprintline.governance import decide as acts

    if withdraw:
        _do(
            product, by, as_json,
            lambda runtime, actor: acts.withdraw(
                runtime, actor, code=code, asset=said["asset"], reason=said["reason"]
            ),
        )  # fmt: skip
        return
    _do(product, by, as_json, lambda runtime, actor: acts.waive(runtime, actor, code=code, **said))


@click.command()
@click.argument("product")
@click.argument("sprint")
@click.option("--asset", default="increment", show_default=True, help="The asset that was looked at.")
@click.option("--reason", default="", help="What was looked at and found.")
@_EXPIRES
@_APPROVER
@_BY
@_JSON
def approve(product: str, sprint: str, by: str, as_json: bool, **said: str) -> None:
    """Accept an asset of SPRINT as it is, by name; the approval lapses when the data change."""
    from sprintline.governance import decide as acts

    _do(product, by, as_json, lambda runtime, actor: acts.approve(runtime, actor, sprint=sprint, **said))


@click.command()
@click.argument("product")
@click.argument("code")
@click.option("--sprint", default="", help="The sprint it is about, like 2013-S07.")
@click.option("--asset", default="", help="The one asset it is about, where the rule judges several.")
@click.option("--claim", default="", help="What is claimed, in a sentence.")
@click.option("--evidence", default="", help="A link, or a path where others find it.")
@click.option(
    "--expires", default="", help="Last UTC day on which it is valid; by default it does not expire."
)
@click.option("--attester", default="", help="Who claims it: a name or an address.")
@_BY
@_JSON
def attest(product: str, code: str, by: str, as_json: bool, **said: str) -> None:
    """Record the statement that CODE requires from a person, with its evidence; the rule is judged again."""
    from sprintline.governance import decide as acts

    _do(product, by, as_json, lambda runtime, actor: acts.attest(runtime, actor, code=code, **said))


@click.command()
@click.argument("product", required=False)
@click.option("--json", "as_json", is_flag=True, help="All of them as JSON, for machines.")
def waivers(product: str | None, as_json: bool) -> int:
    """Every waiver, declared in defs.yaml or recorded, and whether it is in force."""
    from sprintline.governance.decide import waiver_rows
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    home = settings.home()
    recorded = existing_records(home) is not None
    found: list[dict[str, Any]] = []
    for folder in chosen_folders(settings.ROOT, product):
        found += waiver_rows(load_runtime(folder, home), recorded)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return 0
    from sprintline.base.terminal import Column, print_rows, say

    if not found:
        say("No waiver was ever declared or recorded. One is made with: sprintline waive PRODUCT CODE --help")
        return 0

    columns = [
        Column("rule"), Column("product"), Column("asset"), Column("state"), Column("until"), Column("approver"),
        Column("reason", wraps=True), Column("where", wraps=True),
    ]  # fmt: skip
    rows = [
        [
            one["code"], one["product"], one["asset"] or "every one",
            one["state"] + (f" by {one['withdrawn']}" if one["withdrawn"] else ""), one["expires"], one["approver"],
            one["reason"], one["source"],
        ]
        for one in found
    ]  # fmt: skip
    print_rows(
        columns,
        rows,
        {place: "green" if one["state"] == "in force" else "dim" for place, one in enumerate(found)},
    )
    return 0


COMMANDS = (waive, approve, attest, waivers)


def _do(product: str, by: str, as_json: bool, act: Callable[[Runtime, str], Act]) -> None:
    from sprintline.base.people import person
    from sprintline.governance.acts import ActError
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    (folder,) = chosen_folders(settings.ROOT, product)
    try:
        done = act(load_runtime(folder, settings.home()), person(by))
    except ActError as error:
        raise Refusal(str(error), code=2) from error
    if as_json:
        event = done.event
        said = {
            "event": event.seq,
            "kind": event.kind,
            "product": event.product,
            "sprint": event.sprint,
            "actor": event.actor,
            "at": event.at.isoformat(),
            "as_of": event.platform_time.isoformat(),
            "body": dict(event.body),
            "told": list(done.sentences),
        }
        click.echo(json.dumps(said, indent=2))
        return
    for sentence in done.sentences:
        click.echo(f"{sentence}.")
