"""`sprintline mine` and `codeowners`: the repository around the products becomes the team's."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.scaffold.repository.own_clone import Plan


@click.command()
@click.argument("name")
@click.option("--title", default="", help="For people; by default made from NAME.")
@click.option(
    "--owner", default="",
    help="Who reviews what belongs to no product: @user, @organisation/team or an e-mail address.",
)  # fmt: skip
@click.option(
    "--samples", type=click.Choice(["keep", "remove"]), default="keep", show_default=True,
    help="What becomes of the template's sample products.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
def mine(name: str, title: str, owner: str, samples: str, dry_run: bool) -> None:
    """Make this clone a team's own repository, once: its name, its README, who reviews what. `make mine` calls it.

    \b
    sprintline mine acme-data --title "Acme data" --owner @acme/data \\
        --samples remove --dry-run
    """
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.repository.own_clone import ANSWERS, Own, carry_out, plan

    own = Own(name, title, owner, samples == "keep")
    try:
        changes = plan(own, settings.ROOT)
        if not dry_run:
            carry_out(changes, settings.ROOT)
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    if dry_run:
        _preview(changes)
        return
    click.echo(f"This clone is {own.heading} ({name}).")
    for file in changes.texts:
        click.echo(f"  {file.relative_to(settings.ROOT)}")
    for sample in changes.samples:
        click.echo(f"  removed the sample product {sample}")
    for file in changes.leaving:
        click.echo(f"  removed {file.relative_to(settings.ROOT)}, which only the template needs")
    if (origin := changes.origin) is not None:
        click.echo(f"Later versions come from {origin[0]}; this is {origin[1]}.")
    else:
        click.echo(
            f"\nMind: git does not know where this clone is from (remote origin), so {ANSWERS} is not written; later "
            f"versions need it, and docs/how-to/take-a-later-version.md says how to write it."
        )
    steps = [
        ("git diff", "what changed"),
        ("make setup", "installs the package under its new name"),
        ("git add -A && git commit -m 'It is ours'", "keep it"),
        ("git remote rename origin template", "and add an origin of your own"),
    ]
    if not any(settings.ROOT.glob("platform/products/*/defs.yaml")):
        steps.insert(2, ("sprintline new PRODUCT", "the first product; lint and tests need one"))
    click.echo("\nNext:")
    for command, why in steps:
        click.echo(f"  {command:<42}# {why}")


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 1 where it differs.")
def codeowners(only_check: bool) -> None:
    """Write CODEOWNERS from the teams and owners that products declare; lines above its mark stay as they are."""
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.repository.codeowners import FILE, difference, refresh

    try:
        if only_check:
            wrong, written = difference(settings.ROOT), False
        else:
            wrong, written = None, refresh(settings.ROOT)
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    if wrong:
        raise Refusal(wrong)
    click.echo(f"Wrote {FILE}." if written else f"{FILE} is as the products declare.")


def _preview(changes: Plan) -> None:
    """Every line that would change, and what would go."""
    for file, text in changes.texts.items():
        place = str(file.relative_to(settings.ROOT))
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        for line in unified_diff(before.splitlines(), text.splitlines(), place, place, lineterm="", n=1):
            click.echo(line)
    for leaving in changes.leaving:
        click.echo(f"would remove {leaving.relative_to(settings.ROOT)}")
    for folder in (folder for traces in changes.samples.values() for folder in traces):
        click.echo(f"would remove {folder.relative_to(settings.ROOT)}/")
    click.echo("\nNothing was changed; the same without DRY=1 (--dry-run) does it.")


COMMANDS = (mine, codeowners)
