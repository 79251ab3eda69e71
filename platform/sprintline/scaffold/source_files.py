"""The files of a source made from a team's own file: its contract, its staging model, its sample.

`sprintline new --from` makes them with a product, `sprintline add` for an existing one. Everything inferred from the
file is written in them as text, with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sprintline.base.time_zones import zone_of
from sprintline.landing.contracts import Column
from sprintline.landing.inferred import FORMS, InferenceError, Inferred, infer
from sprintline.landing.reasons import quoted
from sprintline.landing.values import NO_MOMENT, far, moments
from sprintline.scaffold.create import ScaffoldError

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).with_name("templates")
TYPES = {"string": "string", "integer": "bigint", "number": "double", "boolean": "boolean", "date": "date"}
"""The warehouse's names of a contract's types."""

MOST_NOTES = 12
"""Columns whose notes are shown one by one."""

Find = Callable[[str, str], Inferred]
"""Finds a column for an option by its name in the file, or in SQL."""


def read_own(
    file: Path, timezone: str, keys: Collection[str], moments: Collection[str]
) -> tuple[list[Inferred], pd.DataFrame, Find]:
    """The columns of a team's file, its rows, and how to find a column of it.

    keys, moments: names of the columns that identify the rows, and that say when they happened or became known.

    Raises:
        ScaffoldError: no such time zone, or a file from which no contract can be written.
    """
    try:
        zone_of(timezone)
    except (KeyError, ValueError, OSError):
        raise ScaffoldError(
            f"--timezone: there is no time zone {timezone}; write an IANA name such as Europe/Berlin", code=2
        ) from None
    try:
        columns, frame = infer(file, timezone, keys, moments)
    except InferenceError as error:
        raise ScaffoldError(str(error), code=2) from error

    def named(option: str, name: str) -> Inferred:
        found = [column for column in columns if name == column.header] or [
            column for column in columns if name in (column.name, column.sql)
        ]
        if not found:
            known = ", ".join(column.header for column in columns)
            raise ScaffoldError(f"--{option}: {file.name} has no column {name!r}; it has {known}", code=2)
        return found[0]

    return columns, frame, named


def moments_of(
    file: Path,
    option: str,
    column: Inferred,
    frame: pd.DataFrame,
    timezone: str,
    happened: pd.Series | None = None,
) -> pd.Series:
    """The moments of a column, in UTC; a row known on a day was known at its end.

    happened: the moments of the rows, where the column says when they became known.

    Raises:
        ScaffoldError: some rows have no moment, or a mark such as 9999-12-31.
    """
    if column.kind in ("timestamp", "date") and not column.required and option == "known-at":
        raise ScaffoldError(
            f"--known-at: column {column.header} of {file.name} is empty in some rows, whose answer is not known yet: "
            f"leave these rows out here, they land with their answer",
            code=2,
        )
    if column.kind not in ("timestamp", "date") or not column.required:
        why = "some rows have none" if column.kind in ("timestamp", "date") else column.why
        right = "" if "write" in why else "; write moments as 2026-01-05T08:10:00Z, days as 2026-01-05"
        raise ScaffoldError(
            f"--{option}: column {column.header} of {file.name} does not have a moment in every row ({why}){right}",
            code=2,
        )
    values = frame[column.sql]
    if (odd := far(values, happened)).any():
        shown = values[odd].mode().iloc[0]
        raise ScaffoldError(
            f"--{option}: column {column.header} of {file.name} has {quoted(shown)} in {int(odd.sum()):,} rows, the "
            f"first is row {int(odd.argmax()) + 1:,}: {NO_MOMENT}. Leave these rows out here, they land when it is "
            f"known",
            code=2,
        )
    return moments(
        values,
        Column("", column.kind, timezone=timezone, resolution=column.resolution),
        ended=option == "known-at",
    )


def notes_on(columns: list[Inferred], frame: pd.DataFrame, source: str) -> Iterator[str]:
    """What the file's owner should know about columns that are not what they look like."""
    if left := frame.attrs.get("left_out"):
        yield (
            f"{_several('column', [name or 'without a name' for name in left])} numbers the rows of the file and is no "
            "data: it is left out, and so it is of files that land"
        )
    told = [column for column in columns if column.note]
    for column in told[:MOST_NOTES]:
        yield f"column {column.header}: {column.note}"
    if len(told) > MOST_NOTES:
        yield (
            f"{len(told) - MOST_NOTES} more columns have notes of this kind: contracts/{source}.yaml has the reason "
            f"for each type"
        )


def _several(word: str, names: list[str]) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}"


def name_for(file: Path) -> str:
    """A source's name from its file's."""
    name = re.sub(r"[^a-z0-9]+", "_", file.name.partition(".")[0].lower()).strip("_") or "rows"
    return name if name[0].isalpha() and isinstance(yaml.safe_load(name), str) else f"f_{name}"


def row_facts(places: pd.Series) -> dict[str, Any]:
    """Rows per sprint as seen and as allowed. places: the sprint's index of each row."""
    rows = places.value_counts()
    least, most = int(rows.min()), int(rows.max())
    return {"rows": (max(1, least // 2), most * 2), "seen": (least, most, len(rows))}


def files_of_source(part: str, file: Path, facts: dict[str, Any]) -> dict[str, bytes]:
    """A source's files in a part of a product (a key of `create.PLACES`): content by path in that part's folder.

    facts: product, source, sample, purpose, usage, timezone, columns, staged, keys, event, known, known_later,
        everyone, and `row_facts`.
    """
    source = facts["source"]
    if part == "product":
        form = next(form for form in FORMS if file.name.endswith(form))
        return {
            f"contracts/{source}.yaml": text_of("source/contract.yaml.j2", facts).encode(),
            f"sample/{source}{form}": file.read_bytes(),
        }
    if part == "models":
        # The description first: dbt ignores one without its model, and refuses a model without declared types.
        return {
            f"staging/stg_{source}.{form}": text_of(f"source/staging.{form}.j2", facts).encode()
            for form in ("yml", "sql")
        }
    return {}


def render(template: str, place: Path, facts: dict[str, Any]) -> None:
    """Write a file from a template of `templates/`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text_of(template, facts), encoding="utf-8")


def text_of(template: str, facts: dict[str, Any]) -> str:
    """A template of `templates/`, filled in. Its brackets differ from Jinja's, because dbt's models contain those."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - SQL, YAML and Python, no HTML
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=StrictUndefined, loader=FileSystemLoader(TEMPLATES),
    )  # fmt: skip
    environment.filters["yaml"] = _yaml
    environment.filters["rendered"] = _rendered
    environment.filters["plain"] = _plain
    return environment.get_template(template).render(
        {"types": TYPES, "about": {}, "units": {}, "limits": "", **facts}
    )


def render_all(templates: str, folder: Path, facts: dict[str, Any]) -> None:
    """Fill in every template under a folder of `templates/`."""
    for file in sorted((TEMPLATES / templates).rglob("*.j2")):
        name = str(file.relative_to(TEMPLATES / templates))
        render(f"{templates}/{name}", folder / name.removesuffix(".j2"), facts)


def _rendered(value: str) -> str:
    """A text as dbt needs it where it renders Jinja (SQL, descriptions), so that the result is the text itself."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", value)


def _plain(value: str) -> str:
    """A text for defs.yaml, in which two braces would be a template: a space comes between them."""
    return re.sub(r"\{(?=[{%#])", "{ ", value)


def _yaml(value: str) -> str:
    """A text quoted for YAML."""
    return json.dumps(value, ensure_ascii=False)
