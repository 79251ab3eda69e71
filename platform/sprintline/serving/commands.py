"""`sprintline predict`: the live model answers the rows of a file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.base.words import counted_as


@click.command()
@click.argument("product")
@click.option(
    "--input", "file", required=True, type=click.Path(path_type=Path),
    help="CSV or Parquet, a row per question: the model's inputs, or the keys of its features.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path),
    help="CSV or Parquet to write; by default NAME.predicted.csv (or .parquet) beside the input.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="What was done as JSON, for machines.")
def predict(product: str, file: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Predict the rows of a file by the live model, beside its twin and its naive baseline.

    Features that the file does not have are looked up in the online store, as they were last published. Nothing is
    recorded: closings answer the questions that landed.

    \b
    sprintline predict parcels --input new_orders.csv
    """
    from sprintline.learning.bundles import ReleaseError
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime
    from sprintline.release.live import live
    from sprintline.release.needs import refuse_unmet_needs
    from sprintline.serving.score import read_rows, refuse_unwritable, score, write_rows

    runtime = load_runtime(chosen_folders(settings.ROOT, product)[0], settings.home())
    output = output or file.with_name(f"{file.stem}.predicted{file.suffix.lower()}")
    rows = read_rows(file)
    refuse_unwritable(output)
    if output.exists() and output.resolve() == file.resolve():
        raise Refusal(f"--output: {output} is the input itself: name another file", code=2)
    if output.exists() and not force:
        raise Refusal(f"{output} is there already: name another with --output, or give --force", code=2)
    model = live(runtime) if existing_records(runtime.home) is not None else None
    if model is None:
        raise Refusal(f"{product} has no live model yet: close more sprints (sprintline replay {product})")
    refuse_unmet_needs(runtime, model)
    try:
        scored = score(runtime, model, rows, file.name)
    except ReleaseError as error:
        raise Refusal(str(error)) from error
    write_rows(scored.rows, output)
    if as_json:
        said = {"rows": len(scored.rows), "model": model.model_id, "output": str(output)}
        click.echo(json.dumps({**said, "looked_up": scored.looked_up, "not_fresh": scored.not_fresh}))
        return
    click.echo(f"Wrote {counted_as(len(scored.rows), 'prediction')} of model {model.model_id} to {output}.")
    if scored.looked_up:
        click.echo(f"Looked up in the online store: {', '.join(scored.looked_up)}.")
    for view, count in scored.not_fresh.items():
        click.echo(f"Mind: {counted_as(count, 'row')} had no fresh value of {view}; predicted without it.")


COMMANDS = (predict,)
