"""Models that read a source which the product does not declare, so that nothing lands for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any


def undeclared_sources(
    manifest: Mapping[str, Any], product: str, declared: Collection[str], project: Path
) -> Iterator[str]:
    """A line `file:line: what is wrong; what would be right` for each model that reads such a source.

    A model of it builds without any error, and has no rows: rules, features and scores would be blamed for that.

    Args:
        manifest: dbt's, of the product.
        product: also the name of its group of dbt sources; other groups are the team's own matter.
        declared: names of the sources in defs.yaml.
        project: the dbt project.
    """
    sources = manifest.get("sources", {})
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        for key in node["depends_on"]["nodes"]:
            source = sources.get(key)
            if source is None or source["source_name"] != product or source["name"] in declared:
                continue
            file, name = node["original_file_path"], source["name"]
            yield (
                f"dbt_project/{file}:{_line(project / file, name)}: reads the source {name}, which defs.yaml does not "
                "declare; declare it under sources, or take it out of the model"
            )


def _line(file: Path, source: str) -> int:
    named = re.compile(rf"source\(.*['\"]{re.escape(source)}['\"]")
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return next((number for number, line in enumerate(lines, 1) if named.search(line)), 1)
