"""`sprintline new`, `add`, `declare`, `publish`, `remove`, `check`: products come, grow and leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.mechanisms.declaration.types import LONGEST_SPRINT_DAYS
from sprintline.scaffold.task_files import TASK_FILES

if TYPE_CHECKING:
    from sprintline.scaffold.ask import Answers
    from sprintline.scaffold.create import Made


@click.command()
@click.argument("product", required=False)
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    help="Your own CSV or Parquet file, a row per question.",
)
@click.option("--key", help="With --from: the column that identifies a row.")
@click.option("--event-at", help="With --from: the column with the moment of the question.")
@click.option("--known-at", help="With --from: the column with the moment its answer was known.")
@click.option(
    "--label",
    help='With --from: the label to predict, a condition over the columns ("minutes > 60") or a number column.',
)
@click.option(
    "--task",
    type=click.Choice(list(TASK_FILES)),
    help="Kind of answer: of the invented sample (default: binary), or with --from (default: what the label is).",
)
@click.option(
    "--by",
    help="With --from: column for history features, text or whole numbers (default: the text column with the "
    "fewest values).",
)
@click.option(
    "--known-later", multiple=True, metavar="COLUMN",
    help="With --from: a column that is filled in after the question was asked; repeat it for several.",
)  # fmt: skip
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    help="With --from: time zone for values without one.",
)
@click.option(
    "--length-days",
    default=7,
    show_default=True,
    type=click.IntRange(1, LONGEST_SPRINT_DAYS),
    help="With --from: days of a sprint.",
)
@click.pass_context
def new(
    context: click.Context,
    product: str | None,
    file: Path | None,
    known_later: tuple[str, ...],
    timezone: str,
    length_days: int,
    **said: str | None,
) -> None:
    """Make a data product that can close sprints at once: on a small invented data set, or on your own file.

    On a terminal it asks for what is missing, with a preview of the file, and prints the command line for the same.

    \b
    sprintline new
    sprintline new parcels
    sprintline new minutes --task regression
    sprintline new tickets --from tickets.csv --key id --event-at opened_at \\
        --known-at closed_at --label "hours_to_close > 48"
    """
    from sprintline.scaffold.ask import NEEDED, Answers, ask, ask_again
    from sprintline.scaffold.create import ScaffoldError

    missing = [f"--{name.replace('_', '-')}" for name in NEEDED if not said[name]]
    if file is None and (known_later or len(missing) + (not said["by"]) < len(NEEDED) + 1):
        raise Refusal("these options describe your own file: name it with --from FILE", code=2)
    options = {**said, "known_later": known_later, "timezone": timezone, "length_days": length_days}
    answers = Answers(product, file, options)
    helps = {one.name or "": getattr(one, "help", None) or "" for one in context.command.params}
    try:
        if product is None or (file is not None and missing):
            _refuse_without_terminal(product, missing if file is not None else [])
            ask(answers, helps, settings.ROOT)
        while True:
            try:
                made = _make(answers)
                break
            except ScaffoldError as error:
                if not ask_again(answers, error, helps):
                    raise
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    product = str(answers.product)
    click.echo(f"Made {product}: {len(made.files)} files.")
    for file in made.files:
        click.echo(f"  {file.relative_to(settings.ROOT)}")
    click.echo(f"  workspace.yaml (line {made.workspace_line}: its code location)")
    _owners_follow()
    for note in (*made.notes, *_left_over(product)):
        click.echo(f"\nMind: {note}.")
    click.echo("\nNext:")
    following = {
        f"sprintline check {product}": "all its declarations are sound",
        f"sprintline replay {product}": "its sprints land and close, one by one",
        "sprintline ui": "look at them; where the UI runs already, reload the code locations",
    }
    width = max(map(len, following))
    for command, why in following.items():
        click.echo(f"  {command:<{width}}  # {why}")
    if answers.asked:
        click.echo(f"\nThe same without questions:\n  {answers.command()}")


def _make(answers: Answers) -> Made:
    from sprintline.scaffold.asked import Asked
    from sprintline.scaffold.from_file import create_from_file
    from sprintline.scaffold.task_samples import create_sample

    if answers.file is None:
        return create_sample(str(answers.product), settings.ROOT, answers.said["task"])
    return create_from_file(str(answers.product), Asked(answers.file, **answers.said), settings.ROOT)


def _refuse_without_terminal(product: str | None, missing: list[str]) -> None:
    """Raises Refusal, with what to give, where no person can answer."""
    if sys.stdin.isatty():
        return
    if missing:
        raise Refusal(
            f"--from needs {', '.join(missing)} too: missing options; sprintline new --help shows how", code=2
        )
    if product is None:
        raise Refusal(
            "name the product: sprintline new PRODUCT makes one on a small invented data set, --from FILE with its "
            "options one on your own file (sprintline new --help); on a terminal, sprintline new asks",
            code=2,
        )


def _left_over(product: str) -> Iterator[str]:
    """Notes for the owner when there was a product of that name before."""
    from sprintline.state.removal import has_state, removal_interrupted

    if removal_interrupted(settings.home(), product):
        yield (
            f"the removal of an earlier product {product} was interrupted, and Dagster may still have its runs; "
            f"to complete it and start again: sprintline remove {product} --state, then this command"
        )
    elif has_state(settings.home(), product):
        yield (
            f"{settings.home().root} has the state of an earlier product {product}, and its sprints continue from "
            f"there; to start again: sprintline remove {product} --state, then this command"
        )


@click.command()
@click.argument("product")
@click.option("--from", "file", type=click.Path(path_type=Path), help="Your own CSV or Parquet file.")
@click.option(
    "--published", metavar="OTHER.TABLE", help="A table that another product publishes, instead of a file."
)
@click.option(
    "--key", "keys", multiple=True,
    help="With --from: the column that identifies a row; repeat it for a key of several columns.",
)  # fmt: skip
@click.option("--event-at", help="With --from: the column with the moment of a row; it decides the sprint.")
@click.option(
    "--known-at",
    help="With --from: the column with the time at which a row became known; by default the time of the row.",
)
@click.option(
    "--timezone",
    help="With --from: time zone of days, and of moments without offset; by default the product's.",
)
@click.option("--name", help="Name of the source; by default the file's, or the table's.")
def add(
    product: str, file: Path | None, published: str | None, keys: tuple[str, ...], **said: str | None
) -> None:
    """Give a product another source: a file of your own, or a table that another product publishes.

    \b
    sprintline add tickets --from rota.csv --key day --key team \\
        --event-at day --known-at published
    sprintline add tickets --published parcels.orders
    """
    from sprintline.scaffold.add_source import AskedSource, add_source
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.published import read_published

    if (file is None) == (published is None):
        raise Refusal("name one place for the rows: --from FILE or --published OTHER.TABLE", code=2)
    try:
        if published is not None:
            given = [
                f"--{name.replace('_', '-')}" for name in ("event_at", "known_at", "timezone") if said[name]
            ]
            if given := [*(["--key"] if keys else []), *given]:
                raise Refusal(f"{', '.join(given)}: the contract of {published} already declares it", code=2)
            other, _, table = published.partition(".")
            added = read_published(product, other, table, said["name"], settings.ROOT)
        elif file is not None:
            missing = [*([] if keys else ["--key"]), *([] if said["event_at"] else ["--event-at"])]
            if missing:
                raise Refusal(f"--from needs {', '.join(missing)} too", code=2)
            added = add_source(product, AskedSource(file, keys, **said), settings.ROOT)  # type: ignore[arg-type]
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    click.echo(f"Added {added.source} to {product}: {len(added.files)} files.")
    for place in added.files:
        click.echo(f"  {place.relative_to(settings.ROOT)}")
    for place in added.changed:
        click.echo(f"  {place.relative_to(settings.ROOT)} (an entry)")
    for note in added.notes:
        click.echo(f"\nMind: {note}.")
    click.echo("\nNext:")
    reads = f'{{{{ ref("stg_{added.source}") }}}}'
    for command, why in (
        (f"read {reads}", f"in a mart of dbt_project/models/{product}/marts"),
        (f"sprintline check {product}", "all its declarations are sound"),
        (f"sprintline replay {product}", "its sprints land with the new source"),
    ):
        click.echo(f"  {command:<34}# {why}")


@click.command()
@click.argument("product")
@click.argument("file", required=False)
def declare(product: str, file: str | None) -> None:
    """Write an example of a declaration file into a product's folder; without FILE, list the possible files.

    \b
    sprintline declare parcels
    sprintline declare parcels findings.yaml
    """
    from sprintline.mechanisms.declaration.declarations import declarations
    from sprintline.product.folders import chosen_folders
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.declare import declare as write_example

    (folder,) = chosen_folders(settings.ROOT, product)
    if file is None:
        from sprintline.base.terminal import Column, print_rows

        rows = []
        for one in declarations():
            there = len(one.files(folder))
            state = "exists" if there else "missing" if one.required else "not declared"
            rows.append([one.file, f"{there} files" if one.many else state, one.title])
        print_rows([Column("file"), Column("state"), Column("what it declares", wraps=True)], rows)
        return
    try:
        written = write_example(folder, file)
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    click.echo(f"Wrote {written.relative_to(settings.ROOT)}: an example with every key. Replace its values.")
    click.echo(f"\nNext:\n  sprintline check {product}")


@click.command()
@click.argument("product")
@click.argument("table")
@click.option("--contract", help="The contract's file in the product's folder; by default the source's own.")
def publish(product: str, table: str, contract: str | None) -> None:
    """Let other products read a lake table of a product, under a contract.

    \b
    sprintline publish parcels orders
    """
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.published import publish_table

    try:
        defs, version = publish_table(product, table, contract, settings.ROOT)
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    click.echo(f"{product} publishes {table} at contract version {version}.")
    click.echo(f"  {defs.relative_to(settings.ROOT)} (an entry)")
    click.echo("\nNext:")
    for command, why in (
        (f"sprintline check {product}", "all its declarations are sound"),
        (f"sprintline add OTHER --published {product}.{table}", "another product reads it"),
    ):
        click.echo(f"  {command:<50}# {why}")


@click.command()
@click.argument("product")
@click.option(
    "--state",
    "with_state",
    is_flag=True,
    help="Its landed files, tables, features and reports as well.",
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
def remove(product: str, with_state: bool, yes: bool) -> None:
    """Remove a product's code from the clone; lists what will be deleted and asks first.

    Verdicts, ledger and models stay in any case: decisions are not undone. With --state, a new product of the same name
    starts from nothing; without it, it continues from the existing state. Run it again to complete an interrupted
    removal.
    """
    from sprintline.base.people import person
    from sprintline.delivery.site import write_first
    from sprintline.hosting.starts import at_work
    from sprintline.scaffold.create import (
        ScaffoldError,
        check_removable,
        is_name,
        remove_product,
        traces_of,
    )
    from sprintline.scaffold.published import refuse_while_read
    from sprintline.state.removal import has_state, removal_interrupted, remove_state, state_of

    home = settings.home()
    # Without a valid name, the folders and events of all products would match.
    begins_anew = with_state and is_name(product)
    interrupted = begins_anew and removal_interrupted(home, product)
    state = state_of(home, product) if begins_anew else []
    removable = interrupted or (begins_anew and has_state(home, product))
    try:
        code = traces_of(product, settings.ROOT)
    except ScaffoldError as error:
        if not removable:
            raise Refusal(str(error), code=error.code) from error
        code = []  # it was removed before
    try:
        check_removable(product, settings.ROOT)
        refuse_while_read(product, settings.ROOT)
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error
    if interrupted:
        click.echo(f"A removal of the state of {product} was interrupted; this continues it.")
    found = [*state, *code]
    for place in found:
        click.echo(f"  {place.relative_to(settings.ROOT) if place.is_relative_to(settings.ROOT) else place}")
    if not yes and not click.confirm(f"Remove these and the entry of {product} in workspace.yaml?"):
        raise Refusal("nothing was removed")
    if with_state and (busy := at_work(home)):
        raise Refusal(f"`{busy}` is using this state folder: stop it first, then remove the state")
    if with_state:
        # First, so that an interrupted removal can be continued under the product's name.
        remove_state(home, product, person())
        if home.site.is_dir():
            write_first(home)
    remove_product(product, settings.ROOT, found)
    stays = "Verdicts, ledger and models stay." if with_state else f"Its state stays in {home.root}."
    click.echo(f"Removed {product}. {stays}")
    _owners_follow()


@click.command()
@click.argument("product")
@click.option("--bring-back", is_flag=True, help="Write the notebook's recipe into the product as model.py.")
def notebook(product: str, bring_back: bool) -> None:
    """Write notebooks/PRODUCT.py: it reads features, labels and the live release, and trains a trial of the recipe.

    It is Python with cells (`# %%`), for an editor, for jupytext, or as a script. It changes nothing in the state.
    With --bring-back, its recipe becomes the product's model.py, if `sprintline check` then finds no mistake.

    \b
    sprintline notebook parcels
    sprintline notebook parcels --bring-back
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.notebook import bring_back as write_back
    from sprintline.scaffold.notebook import write_notebook

    (folder,) = chosen_folders(settings.ROOT, product)
    recipe = (folder / "model.py").relative_to(settings.ROOT)
    try:
        if not bring_back:
            place = write_notebook(folder, settings.ROOT).relative_to(settings.ROOT)
            click.echo(f"Wrote {place}. Run it:  .venv/bin/python {place}")
            click.echo(f"When its recipe is better:  sprintline notebook {product} --bring-back")
        elif write_back(folder, settings.ROOT, settings.home()):
            click.echo(f"Wrote {recipe}. The next training uses it, which needs a trigger like any other.")
        else:
            click.echo(f"{recipe} is the notebook's recipe already.")
    except ScaffoldError as error:
        raise Refusal(str(error), code=error.code) from error


@click.command()
@click.argument("product", required=False)
def check(product: str | None) -> int:
    """Read every declaration of all products, or of one; report each mistake with file and line.

    Lines that are no longer read are listed as notes; they are not mistakes.
    """
    from sprintline.product.folders import chosen_folders
    from sprintline.scaffold.check import mistakes_of, notes_of

    folders = chosen_folders(settings.ROOT, product)
    found = [line for folder in folders for line in mistakes_of(folder, settings.ROOT, settings.home())]
    for line in found:
        click.echo(line)
    for folder in folders:
        for line in notes_of(folder, settings.ROOT, settings.home()):
            click.echo(f"note: {line}")
    names = ", ".join(folder.name for folder in folders) or "no product"
    click.echo(
        f"{len(found)} mistake{'s' if len(found) != 1 else ''} in {names}" if found else f"{names}: sound"
    )
    return 1 if found else 0


def _owners_follow() -> None:
    """CODEOWNERS is written again where the clone has one; what keeps it from that is told, and undoes nothing."""
    from sprintline.scaffold.create import ScaffoldError
    from sprintline.scaffold.repository.codeowners import FILE, refresh

    if not (settings.ROOT / FILE).is_file():
        return
    try:
        if refresh(settings.ROOT):
            click.echo(f"  {FILE} (who reviews its folders)")
    except (ScaffoldError, OSError) as error:
        click.echo(f"\nMind: {FILE} is not written: {error}")


COMMANDS = (new, add, declare, publish, remove, notebook, check)
