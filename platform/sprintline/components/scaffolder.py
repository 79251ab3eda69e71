"""`dg scaffold defs sprintline.components.DataProduct <name>` makes the same product as `sprintline new <name>`."""

from __future__ import annotations

import click
from dagster.components import Scaffolder, ScaffoldRequest

from sprintline.base.settings import ROOT
from sprintline.scaffold.create import ScaffoldError, create_product


class DataProductScaffolder(Scaffolder):
    """Put on the component with `@scaffold_with(DataProductScaffolder)`."""

    def scaffold(self, request: ScaffoldRequest) -> None:
        """Make the product named like the folder that `dg` would have made."""
        root = request.project_root.parent if request.project_root else ROOT
        try:
            create_product(request.target_path.name, root)
        except ScaffoldError as error:
            raise click.UsageError(str(error)) from error
