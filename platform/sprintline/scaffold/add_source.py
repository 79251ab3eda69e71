"""`sprintline add PRODUCT --from FILE`: another source for an existing product, from a team's own file.

Contract, staging model and sample are new files; `defs.yaml` and dbt's sources get an entry each, as text, so that
every comment stays. Using the rows is left to the team: in a mart or a view that reads the staging model.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sprintline.base.files import atomic_write
from sprintline.landing.samples import LANDS_AFTER, sample_of
from sprintline.mechanisms.declaration.edited_yaml import with_item
from sprintline.product.calendar import Calendar, CalendarError
from sprintline.product.spec import PLATFORM_ASSETS, DeclarationError, ProductSpec, parse_product
from sprintline.scaffold.create import PLACES, ScaffoldError, alone
from sprintline.scaffold.source_files import (
    files_of_source,
    moments_of,
    name_for,
    notes_on,
    read_own,
    row_facts,
    text_of,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AskedSource:
    """What only the team knows about its file.

    keys: the columns that together identify a row.
    known_at: by default a row is known when it happens.
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
    """What was added: the source, its new files, the files that got an entry, and notes for the owner."""

    source: str
    files: tuple[Path, ...]
    changed: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def add_source(product: str, asked: AskedSource, root: Path) -> Added:
    """Give a product another source.

    If it is interrupted, the same call does the rest.

    Raises:
        ScaffoldError: there is no such product, the file or a column cannot be used, the name or a file is taken, or a
            file could not be written. The clone is then as it was.
    """
    folders = {part: root / place.format(product=product) for part, place in PLACES.items()}
    with alone(root / "platform" / "products"):
        defs = folders["product"] / "defs.yaml"
        spec = declared(defs, product, root)
        facts, notes = _facts(spec, asked, folders["product"])
        source = facts["source"]
        new = {
            folders[part] / place: content
            for part in ("product", "models")
            for place, content in files_of_source(part, asked.file, facts).items()
        }
        check_free(source, spec, folders, new, root)
        tables = file_of_tables(product, folders["models"], root)
        listed = (
            f"- name: {source}\n  contract: contracts/{source}.yaml\n  description: Rows as they landed\n"
        )
        table = text_of("source/table.yml.j2", facts)
        edits = {
            tables: with_entry(tables, root, ("sources", product, "tables"), table),
            defs: with_entry(defs, root, ("attributes", "sources"), listed),
        }
        # dbt's source is written before the model that reads it, and defs.yaml last, so that it names existing files.
        made = [*list(new)[:2], tables, *list(new)[2:], defs]
        try:
            install({place: new.get(place) or edits[place] for place in made})
        except OSError as error:
            raise ScaffoldError(
                f"{error.filename or root}: {error.strerror or error}; nothing was added, fix that and call again"
            ) from error
    return Added(source, tuple(sorted(new)), tuple(edits), tuple(notes))


def declared(defs: Path, product: str, root: Path) -> ProductSpec:
    """What a product declares. Raises ScaffoldError if it is invalid, or there is no such product."""
    try:
        return parse_product(defs.read_text(encoding="utf-8"), str(defs.relative_to(root)))
    except FileNotFoundError:
        names = ", ".join(
            sorted(file.parent.name for file in (root / "platform/products").glob("*/defs.yaml"))
        )
        known = f"the products are {names}" if names else "make one with sprintline new"
        raise ScaffoldError(f"there is no product {product}; {known}", code=2) from None
    except (DeclarationError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{error}; fix that first: sprintline check {product}") from error


def _facts(spec: ProductSpec, asked: AskedSource, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Values for the templates, after every option was checked against the file; and notes for the owner."""
    import pandas as pd

    try:
        calendar = Calendar.from_spec(spec.calendar)
    except CalendarError as error:
        raise ScaffoldError(f"{error}; fix that first: sprintline check {spec.name}") from error
    timezone = asked.timezone or spec.calendar.timezone
    columns, frame, named = read_own(
        asked.file, timezone, asked.keys, [name for name in (asked.event_at, asked.known_at) if name]
    )
    keys = list({key.sql: key for key in (named("key", name) for name in asked.keys)}.values())
    names = [key.sql for key in keys]
    if not all(key.required for key in keys) or frame.duplicated(names).any():
        columns_named = " and ".join(key.header for key in keys)
        raise ScaffoldError(
            f"--key: {columns_named} does not identify the rows of {asked.file.name}: it repeats or is empty in some; "
            f"give --key again for each further column that identifies them",
            code=2,
        )
    event = named("event-at", asked.event_at)
    known = named("known-at", asked.known_at) if asked.known_at else event
    happened = moments_of(asked.file, "event-at", event, frame, timezone)
    knew = moments_of(asked.file, "known-at", known, frame, timezone, happened)
    sprints = calendar.sprints
    places = pd.Series(
        pd.DatetimeIndex([one.start for one in sprints]).searchsorted(happened, side="right") - 1
    )
    planned = (happened >= sprints[0].start) & (happened < sprints[-1].end)
    if not planned.any():
        raise ScaffoldError(
            f"--event-at: no row of {asked.file.name} is in a planned sprint of {spec.name}, which plans from "
            f"{spec.calendar.start} to {spec.calendar.planned_until}",
            code=2,
        )
    # As a replay provides them: a row that became known after its sprint's files landed is in none of them.
    wait = lands_after(folder)
    ends = pd.Series(pd.DatetimeIndex([one.end for one in sprints])[places.clip(lower=0)])
    landed = planned & (knew < ends + wait)
    if not landed.any():
        raise ScaffoldError(
            f"--known-at: every row of {asked.file.name} becomes known later than {days_text(wait)} after its sprint's "
            f"end, when the files land: raise LANDS_AFTER in sources.py of {spec.name}, or name another column",
            code=2,
        )
    facts = {
        "product": spec.name,
        "source": asked.name or name_for(asked.file),
        "sample": asked.file.name,
        "purpose": f"Rows of {asked.file.name}",
        "usage": f"One file per sprint with the rows whose {event.name} is in it.",
        "timezone": timezone,
        "columns": columns, "staged": columns, "keys": keys, "event": event, "known": known,
        "known_later": bool((happened <= knew).all()), "asked_columns": (), "doubted": {},
        "everyone": False,
        **row_facts(places[landed]),
    }  # fmt: skip
    notes = [*_notes(spec, calendar, places[landed]), *notes_on(columns, frame, facts["source"])]
    if asked.known_at is None:
        when = "at the end of its day" if event.kind == "date" else "when it happens"
        notes.insert(
            0,
            f"a row of it counts as known {when} ({event.header}); if it is known at another moment, name that column "
            f"with --known-at",
        )
    if outside := int((~planned).sum()):
        notes.append(f"{outside:,} of its rows are outside the planned sprints and are left out")
    if late := int((planned & ~landed).sum()):
        notes.append(
            f"{late:,} of its rows become known later than {days_text(wait)} after their sprint's end and are left out "
            f"of a replay: raise LANDS_AFTER in sources.py to have them"
        )
    return facts, notes


def lands_after(folder: Path) -> timedelta:
    """How long after a sprint's end the product's files land in a replay: set in its sources.py, or the default."""
    try:
        said = runpy.run_path(str(folder / "sources.py")).get("LANDS_AFTER")
    except Exception:  # noqa: BLE001 - a team's own file, whose mistakes `sprintline check` reports
        said = None
    return said if isinstance(said, timedelta) else LANDS_AFTER


def days_text(wait: timedelta) -> str:
    """A time in days, for people."""
    days = wait / timedelta(days=1)
    return f"{days:g} day{'s' if days != 1 else ''}"


def _notes(spec: ProductSpec, calendar: Calendar, places: pd.Series) -> Iterator[str]:
    held = set(places)
    if empty := [calendar.keys[place] for place in range(min(held), max(held)) if place not in held]:
        yield (
            f"it has no rows in {', '.join(empty[:5])}{' and others' if len(empty) > 5 else ''}: a sprint closes when "
            f"every source has landed a file for it"
        )
    if min(held) > 0:
        yield (
            f"it begins with {calendar.keys[min(held)]}, and the sprints of {spec.name} with {calendar.keys[0]}: "
            f"earlier sprints do not close without a file"
        )


def check_free(
    source: str, spec: ProductSpec, folders: Mapping[str, Path], new: Mapping[Path, bytes], root: Path
) -> None:
    """Raises ScaffoldError for a name that a source cannot have: sources, views and models share their names."""
    taken = dict.fromkeys(PLATFORM_ASSETS, "an asset that every product has")
    taken |= {one.name: "a source" for one in spec.sources}
    taken |= dict.fromkeys(spec.features.views, "a feature view")
    for file in folders["models"].rglob("*.sql"):
        if file not in new:
            taken[file.stem] = f"a model ({file.relative_to(root)})"
    try:
        type(spec.sources[0])(name=source, contract=f"contracts/{source}.yaml")
        readable = isinstance(yaml.safe_load(source), str)
    except ValueError:
        readable = False
    if not readable:
        raise ScaffoldError(
            f'--name: "{source}" cannot be the name of a source: use small letters, digits and underscores, letter '
            f"first, and not a word with a meaning in YAML",
            code=2,
        )
    for name in (source, f"stg_{source}"):
        if name in taken:
            raise ScaffoldError(
                f"{spec.name} has {name} already, as {taken[name]}: choose another with --name", code=2
            )
    samples = (sample_of(folders["product"], source),)
    for place in (*new, *(one for one in samples if one is not None)):
        # Files of an interrupted call are those that this one would write.
        if place.exists() and (place not in new or place.read_bytes() != new[place]):
            raise ScaffoldError(
                f"{place.relative_to(root)} already exists: choose another name with --name, or remove it",
                code=2,
            )


def file_of_tables(product: str, models: Path, root: Path) -> Path:
    """The file that declares the product's lake tables to dbt. Raises ScaffoldError when none does."""
    for file in sorted(models.rglob("*.yml")):
        try:
            data = yaml.safe_load(file.read_bytes().decode())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        sources = data.get("sources") if isinstance(data, dict) else None
        for one in sources if isinstance(sources, list) else ():
            if isinstance(one, dict) and one.get("name") == product:
                return file
    raise ScaffoldError(
        f"{models.relative_to(root)}: no .yml file declares dbt's source {product}; write one as in "
        f"dbt_project/models/flight_delays/staging/sources.yml"
    )


def with_entry(file: Path, root: Path, path: Sequence[str], entry: str) -> bytes:
    """A YAML file's content with an entry added to the list at `path`; every other byte stays.

    path: keys; for a list on the way, the `name` of an entry.
    entry: the YAML text of a list of one. Where the list has it already, the content is as it was.

    Raises:
        ScaffoldError: there is no such list, or the place in it cannot be found.
    """
    place = f"{file.relative_to(root)}: {'.'.join(path)}"
    try:
        return with_item(file.read_bytes().decode(), path, entry).encode()
    except ValueError as error:
        raise ScaffoldError(
            f"{place} is not a list with an entry per line; write it so, or add it by hand:\n{entry}"
        ) from error


def install(contents: Mapping[Path, bytes]) -> None:
    """Write files in this order, each atomically; when one cannot be written, the others are restored."""
    before = {place: place.read_bytes() if place.exists() else None for place in contents}
    folders: list[Path] = []
    try:
        for place, content in contents.items():
            folders += [folder for folder in (place.parent,) if not folder.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            if before[place] != content:
                _replace(place, content)
    except BaseException:
        for place, old in before.items():
            if old is None:
                place.unlink(missing_ok=True)
            elif place.read_bytes() != old:
                _replace(place, old)
        for folder in reversed(folders):
            folder.rmdir()
        raise


def _replace(place: Path, content: bytes) -> None:
    atomic_write(place, content)
