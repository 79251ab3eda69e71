"""`sprintline add PRODUCT --from FILE`: another source for a product that is there, from a team's own file.

Contract, staging model and sample are new files; `defs.yaml` and dbt's sources get an entry each, as text, so that
every comment stays. What becomes of the rows is the team's: a mart or a view that reads the staging model.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sprintline.components.scaffold import PLACES, ScaffoldError, alone
from sprintline.components.source_files import (
    moments_of,
    name_for,
    read_own,
    row_facts,
    text_of,
    write_source,
)
from sprintline.core.calendar import Calendar, CalendarError
from sprintline.core.declarations import DeclarationError, ProductSpec, parse_product

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("product", "models")
"""Parts of a product in which a source has files."""


@dataclass(frozen=True)
class AskedSource:
    """What only the team knows of its file.

    keys: the columns that together name each row once.
    known_at: where nothing says it, a row is known when it happens.
    timezone: of days and of moments without offset; by default the product's.
    name: of the source; by default the file's.
    """

    file: Path
    keys: tuple[str, ...]
    event_at: str
    known_at: str | None = None
    timezone: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Added:
    """What was added: the source, its new files, the files that got an entry, and what to mind."""

    source: str
    files: tuple[Path, ...]
    changed: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def add_source(product: str, asked: AskedSource, root: Path) -> Added:
    """Give a product another source.

    Raises:
        ScaffoldError: there is no such product, the file or a column cannot be used, the name is taken, or a file could
            not be written. The clone is then as it was.
    """
    folders = {part: root / place.format(product=product) for part, place in PLACES.items()}
    with alone(root / "platform" / "products"):
        defs = folders["product"] / "defs.yaml"
        spec = _declared(defs, product, root)
        facts, notes = _facts(spec, asked)
        source = facts["source"]
        _check_free(source, spec, folders["models"], root)
        tables = _file_of_tables(product, folders["models"], root)
        listed = (
            f"- name: {source}\n  contract: contracts/{source}.yaml\n  description: Rows as they landed\n"
        )
        edits = {
            tables: with_entry(
                tables, root, ("sources", product, "tables"), text_of("source/table.yml.j2", facts)
            ),
            defs: with_entry(defs, root, ("attributes", "sources"), listed),
        }
        try:
            made = _install(folders, asked.file, facts, edits)
        except OSError as error:
            raise ScaffoldError(
                f"{error.filename or root}: {error.strerror or error}; nothing was added, mend that and call again"
            ) from error
    return Added(source, tuple(made), tuple(edits), tuple(notes))


def _declared(defs: Path, product: str, root: Path) -> ProductSpec:
    try:
        return parse_product(defs.read_text(encoding="utf-8"), str(defs.relative_to(root)))
    except FileNotFoundError:
        names = ", ".join(
            sorted(file.parent.name for file in (root / "platform/products").glob("*/defs.yaml"))
        )
        told = f"the products are {names}" if names else "make one with sprintline new"
        raise ScaffoldError(f"there is no product {product}; {told}", code=2) from None
    except (DeclarationError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{error}; mend that first: sprintline check {product}") from error


def _facts(spec: ProductSpec, asked: AskedSource) -> tuple[dict[str, Any], list[str]]:
    """What the templates say, after every choice was held against the file; and what its owner should know."""
    import pandas as pd

    try:
        calendar = Calendar.from_spec(spec.calendar)
    except CalendarError as error:
        raise ScaffoldError(f"{error}; mend that first: sprintline check {spec.name}") from error
    timezone = asked.timezone or spec.calendar.timezone
    columns, frame, named = read_own(asked.file, timezone)
    keys = [named("key", name) for name in asked.keys]
    names = [key.sql for key in keys]
    if not all(key.required for key in keys) or frame.duplicated(names).any():
        told = " and ".join(key.header for key in keys)
        raise ScaffoldError(
            f"--key: rows of {asked.file.name} come more than once by {told}, or lack it; give --key again for each "
            f"further column that tells them apart",
            code=2,
        )
    event = named("event-at", asked.event_at)
    known = named("known-at", asked.known_at) if asked.known_at else event
    happened = moments_of(asked.file, "event-at", event, frame, timezone)
    knew = moments_of(asked.file, "known-at", known, frame, timezone)
    starts = pd.DatetimeIndex([one.start for one in calendar.sprints])
    planned = (happened >= calendar.sprints[0].start) & (happened < calendar.sprints[-1].end)
    if not planned.any():
        raise ScaffoldError(
            f"--event-at: no row of {asked.file.name} lies in a planned sprint of {spec.name}, which plans from "
            f"{spec.calendar.start} to {spec.calendar.planned_until}",
            code=2,
        )
    places = pd.Series(starts.searchsorted(happened[planned], side="right") - 1)
    source = asked.name or name_for(asked.file)
    facts = {
        "product": spec.name,
        "source": source,
        "sample": asked.file.name,
        "purpose": f"Rows of {asked.file.name}",
        "usage": f"One file per sprint with the rows whose {event.name} lies in it.",
        "timezone": timezone,
        "columns": columns, "staged": columns, "keys": keys, "event": event, "known": known,
        "known_later": bool((happened <= knew).all()),
        "everyone": False,
        **row_facts(places),
    }  # fmt: skip
    return facts, list(_notes(spec, asked, calendar, places, int((~planned).sum())))


def _notes(
    spec: ProductSpec, asked: AskedSource, calendar: Calendar, places: pd.Series, outside: int
) -> list[str]:
    notes = []
    if asked.known_at is None:
        notes.append(
            f"a row of it counts as known when it happens ({asked.event_at}); where that is later, name the column "
            f"with --known-at"
        )
    held = set(places)
    if empty := [calendar.keys[place] for place in range(min(held), max(held)) if place not in held]:
        notes.append(
            f"it holds no row in {', '.join(empty[:5])}{' and others' if len(empty) > 5 else ''}: a sprint closes when "
            f"every source has landed a file for it"
        )
    if min(held) > 0:
        notes.append(
            f"it begins with {calendar.keys[min(held)]}, and the sprints of {spec.name} with {calendar.keys[0]}: those "
            f"before it do not close without a file"
        )
    if outside:
        notes.append(f"{outside:,} of its rows lie outside the planned sprints and are left out")
    return notes


def _check_free(source: str, spec: ProductSpec, models: Path, root: Path) -> None:
    """Raises ScaffoldError for a name that cannot be a source's: sources, views and models are assets side by side."""
    taken = {one.name: "a source" for one in spec.sources} | dict.fromkeys(
        spec.features.views, "a feature view"
    )
    for file in models.rglob("*.sql"):
        taken[file.stem] = f"a model ({file.relative_to(root)})"
    try:
        type(spec.sources[0])(name=source, contract=f"contracts/{source}.yaml")
    except ValueError:
        raise ScaffoldError(
            f'--name: "{source}" is no name of a source: use small letters, digits and underscores, letter first',
            code=2,
        ) from None
    for name in (source, f"stg_{source}"):
        if name in taken:
            raise ScaffoldError(
                f"{spec.name} has {name} already, as {taken[name]}: choose another with --name", code=2
            )


def _file_of_tables(product: str, models: Path, root: Path) -> Path:
    for file in sorted(models.rglob("*.yml")):
        try:
            data = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        if isinstance(data, dict) and any(one.get("name") == product for one in data.get("sources") or ()):
            return file
    raise ScaffoldError(
        f"{models.relative_to(root)}: no .yml file declares dbt's source {product}; write one as in "
        f"dbt_project/models/flight_delays/staging/sources.yml"
    )


def with_entry(file: Path, root: Path, path: Sequence[str], entry: str) -> str:
    """The text of a YAML file with an entry added to the list at `path`; every other character stays.

    path: keys, and where a list lies on the way the `name` of an entry.
    entry: the YAML text of a list of one.

    Raises:
        ScaffoldError: there is no such list, or it is not written with an entry per line.
    """
    text = file.read_text(encoding="utf-8")
    place = f"{file.relative_to(root)}: {'.'.join(path)}"
    node: Any = yaml.compose(text)
    for key in path:
        node = _below(node, key)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise ScaffoldError(f"{place} is no list with an entry per line; write it so, then call again")
    indent = " " * _dash(text, node.value[0])
    rows = entry.splitlines()
    ragged = len(rows[0]) - len(rows[0].lstrip())
    lines = text.splitlines(keepends=True)
    last = _last_line(node.value[-1])
    while not lines[last].strip() or lines[last].lstrip().startswith("#"):
        last -= 1
    lines[last] = lines[last].rstrip("\n") + "\n"
    lines.insert(last + 1, "".join(f"{indent}{row[ragged:]}\n" for row in rows if row.strip()))
    grown = "".join(lines)
    # Whatever shape the file has, it must read as before and one more; otherwise it is left to its owner.
    if _at(yaml.safe_load(grown), path) != [*_at(yaml.safe_load(text), path), *yaml.safe_load(entry)]:
        raise ScaffoldError(f"{place} cannot be told from what follows it; add the entry by hand")
    return grown


def _below(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode):
        return next(
            (item for item in node.value if getattr(_below(item, "name"), "value", None) == key), None
        )
    return None


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = data[key] if isinstance(data, dict) else next(one for one in data if one["name"] == key)
    return data


def _dash(text: str, item: yaml.Node) -> int:
    """The column of the dash before a list's entry."""
    return text.splitlines()[item.start_mark.line].index("-")


def _last_line(node: yaml.Node) -> int:
    """The last line that something of a node stands on; a collection's own end lies where the next thing begins."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    end = node.end_mark
    return end.line - (1 if end.column == 0 and end.line > node.start_mark.line else 0)


def _install(
    folders: dict[str, Path], file: Path, facts: dict[str, Any], edits: dict[Path, str]
) -> list[Path]:
    """Write the new files, then the two entries, `defs.yaml` last: before it names the source, nobody asks for it."""
    before = {part: set(folders[part].rglob("*")) for part in PARTS}
    texts = {place: place.read_bytes() for place in edits}
    try:
        for part in PARTS:
            write_source(part, folders[part], file, facts)
        for place, text in edits.items():
            _replace(place, text.encode())
    except BaseException:
        for place, content in texts.items():
            if place.read_bytes() != content:
                _replace(place, content)
        for part in PARTS:
            for new in sorted(set(folders[part].rglob("*")) - before[part], reverse=True):
                new.rmdir() if new.is_dir() else new.unlink()
        raise
    return sorted(
        new for part in PARTS for new in set(folders[part].rglob("*")) - before[part] if new.is_file()
    )


def _replace(place: Path, content: bytes) -> None:
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(place)
