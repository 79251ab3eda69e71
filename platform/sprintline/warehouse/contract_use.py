"""What a product's SQL reads of its sources, held against their contracts: names, types, and where each is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sprintline.landing.empty_rows import SourceColumns
from sprintline.mechanisms.declaration.located_yaml import closest
from sprintline.warehouse.dry_run import DryRun, Unbound, cast_texts
from sprintline.warehouse.results import Column

_NUMBERS = frozenset({"integer", "number"})


def misread_columns(
    run: DryRun,
    manifest: Mapping[str, Any],
    product: str,
    columns: Mapping[str, SourceColumns],
    project: Path,
) -> Iterator[str]:
    """A line `file:line: what is wrong; what would be right` for each use of a column that does not fit its contract.

    Args:
        run: the models bound to empty tables of these columns.
        manifest: dbt's, of the product.
        product: also the name of its group of dbt sources.
        columns: of each source.
        project: the dbt project.
    """
    read = _sources_of(manifest, product)
    for one in run.unbound:
        sources = {name: columns[name] for name in read.get(one.model, ()) if name in columns}
        if line := _told(one, sources, project):
            yield line
    for model, names in read.items():
        file = manifest_file(manifest, model)
        path = project / file
        sql = path.read_text("utf-8") if path.is_file() else ""
        for name in names:
            source = columns.get(name)
            if source is None:
                continue
            texts = {one.name for one in source.contract.columns if one.logical_type == "string"}
            for number, column, kind in cast_texts(sql, texts):
                yield (
                    f"dbt_project/{file}:{number}: reads {column} of {name} as {kind}, and {source.place(column)} "
                    f"declares it as string; declare there the type that the SQL reads, so that the landing checks it"
                )
    yield from _declared_otherwise(manifest, product, columns, project)


def misdeclared_columns(
    run: DryRun, manifest: Mapping[str, Any], declared: Mapping[str, list[Column]]
) -> Iterator[str]:
    """A line for each model whose YAML declares a column that its SQL does not give, or of another type."""
    for model in sorted(run.bound):
        file = manifest_file(manifest, model)
        given, promised = run.columns(model), {one.name: one for one in declared.get(model, ())}
        if not promised:
            continue
        for name, one in promised.items():
            if name not in given:
                near = closest(name, [other for other in given if other not in promised])
                right = (
                    f"it gives {near}, which is not declared" if near else "select it, or take it out there"
                )
                yield f"dbt_project/{file}:1: does not give the column {name}, which its YAML declares; {right}"
            elif one.data_type and run.type_of(one.data_type) != given[name]:
                yield (
                    f"dbt_project/{file}:1: gives {name} as {given[name].lower()}, and its YAML declares "
                    f"{one.data_type}; cast it, or declare the type that it has"
                )


def manifest_file(manifest: Mapping[str, Any], model: str) -> str:
    """File of a model, relative to the dbt project."""
    nodes = manifest["nodes"].values()
    return next(
        str(one["original_file_path"])
        for one in nodes
        if one["resource_type"] == "model" and one["name"] == model
    )


def _sources_of(manifest: Mapping[str, Any], product: str) -> dict[str, list[str]]:
    """The product's sources that each model reads itself."""
    known = {
        key: one["name"] for key, one in manifest.get("sources", {}).items() if one["source_name"] == product
    }
    return {
        node["name"]: [known[key] for key in node["depends_on"]["nodes"] if key in known]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def _told(one: Unbound, sources: Mapping[str, SourceColumns], project: Path) -> str | None:
    place = f"dbt_project/{one.file}:{one.line}"
    if one.column and sources:
        if any(source.more for source in sources.values()):
            return None  # a table that may have further columns says nothing about one that is missing
        name, source = next(iter(sources.items()))
        text = (project / one.file).read_text("utf-8")
        of = name if len(sources) == 1 else " or ".join(sources)
        return (
            f"{place}: reads the column {one.column}, which {of} does not have: {source.nearest(one.column, text)}; "
            f"write the same name in both, or add the column to the contract"
        )
    if one.column:
        return f"{place}: reads the column {one.column}, which no model it reads gives ({one.why}); fix one of the two"
    words = set(re.findall(r"\w+", one.text))
    types = [
        f"{column.name} is {column.logical_type} ({source.place(column.name)})"
        for source in sources.values()
        for column in source.contract.columns
        if column.name in words
    ]
    about = f"; in the contract {', '.join(types)}" if types else ""
    return f"{place}: does not fit the tables it reads: {one.why}{about}; fix the line or the contract"


def _declared_otherwise(
    manifest: Mapping[str, Any], product: str, columns: Mapping[str, SourceColumns], project: Path
) -> Iterator[str]:
    """Columns of a dbt source whose YAML and contract disagree."""
    for one in manifest.get("sources", {}).values():
        source = columns.get(one["name"])
        if one["source_name"] != product or source is None or source.more:
            continue
        file = project / one["original_file_path"]
        text = " ".join(column["name"] for column in one["columns"].values())
        for column in one["columns"].values():
            name, kind = column["name"], _logical(column.get("data_type") or "")
            place = f"dbt_project/{one['original_file_path']}:{_line(file, one['name'], name)}"
            there = source.types.get(name)
            if there is None:
                yield (
                    f"{place}: declares the column {name}, which {one['name']} does not have: "
                    f"{source.nearest(name, text)}; write the same name in both"
                )
            elif kind and kind != there and not {kind, there} <= _NUMBERS:
                yield (
                    f"{place}: declares {name} of {one['name']} as {column['data_type']}, and {source.place(name)} "
                    f"declares {there}; declare the same type in both, and read it as that in the models"
                )


def _logical(data_type: str) -> str | None:
    kind = data_type.lower()
    for start, logical in (
        ("string", "string"), ("varchar", "string"), ("text", "string"), ("int", "integer"), ("bigint", "integer"),
        ("double", "number"), ("float", "number"), ("decimal", "number"), ("bool", "boolean"),
        ("timestamp", "timestamp"), ("date", "date"),
    ):  # fmt: skip
        if kind.startswith(start):
            return logical
    return None


def _line(file: Path, source: str, column: str) -> int:
    """Line of a column below its source in a sources.yml; 1 where it is written another way."""
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    named = {what: re.compile(rf"^\s*- name: [\"']?{re.escape(what)}[\"']?\s*$") for what in (source, column)}
    start = next((number for number, line in enumerate(lines) if named[source].match(line)), 0)
    return next((n + 1 for n, line in enumerate(lines) if n > start and named[column].match(line)), 1)
