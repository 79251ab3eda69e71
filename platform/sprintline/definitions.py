"""All products together, for `dg` commands only: `workspace.yaml` gives each product a code location of its own."""

from __future__ import annotations

import dagster as dg
from dagster.components.core.component_tree import ComponentTree

from sprintline.base.settings import ROOT


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of every product. Raises ComponentTreeException when one declaration does not load."""
    import products

    return ComponentTree.from_module(defs_module=products, project_root=ROOT / "platform").build_defs()
