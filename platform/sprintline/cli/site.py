"""`sprintline site`: the sprints of all products as pages that need no server and no network."""

from __future__ import annotations

import json

import click

from sprintline import settings
from sprintline.cli.errors import told


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Show the first page in the browser.")
@click.option(
    "--json", "as_json", is_flag=True, help="As JSON, for machines: the first page, products, errors."
)
def site(open_it: bool, as_json: bool) -> int:
    """Write the sprint site anew: tables, charts and a page per sprint, under the state folder.

    Every closing writes its own part; this writes all of it from the records.
    """
    from sprintline.cli.survey import existing_records, product_folders
    from sprintline.stages.runtime import load_runtime
    from sprintline.stages.site import write_broken, write_first, write_product

    home, folders = settings.home(), product_folders(settings.ROOT)
    existing_records(home)  # a ledger whose database is gone is told before a page says that nothing happened
    broken: dict[str, str] = {}
    written = 1
    for folder in folders:
        try:
            written += len(write_product(load_runtime(folder, home)))
        except OSError:
            raise  # no product's mistake: the state folder cannot be written
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one product must not hide the others
            broken[folder.name] = told(error, settings.ROOT).splitlines()[0]
            write_broken(home, folder.name, broken[folder.name])
    names = [folder.name for folder in folders]
    first = write_first(home, names)
    if as_json:
        said = {"first": str(first), "products": names, "pages": written, "errors": broken}
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(f"Wrote {written} pages; open the first in a browser: {first}")
    for name, why in broken.items():
        click.echo(f"sprintline: {name} does not load: {why}", err=True)
    if open_it:
        click.launch(first.as_uri())
    return 1 if broken else 0
