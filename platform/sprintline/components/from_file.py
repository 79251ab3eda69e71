"""`sprintline new PRODUCT --from FILE`: a product on a team's own file, one row per question with its answer.

Everything that was inferred from the file stands as text in what is made, with its reason: the contract, the staging
model, the recipe. It is the team's from then on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sprintline.components.scaffold import Made, ScaffoldError, create_product
from sprintline.stores.inferred import InferenceError, Inferred, infer

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).with_name("templates") / "own_file"
HISTORY_DAYS = 7
"""How far back the generated view looks."""


@dataclass(frozen=True)
class Asked:
    """What only the team knows of its file: which columns mean what, and what is asked."""

    file: Path
    key: str
    event_at: str
    known_at: str
    label: str
    by: str | None = None
    timezone: str = "UTC"
    length_days: int = 7


def create_from_file(product: str, asked: Asked, root: Path) -> Made:
    """Make a product on a file.

    Raises:
        ScaffoldError: the file, a column or the label cannot be used, or the product cannot be made. The clone is then
            as it was.
    """
    try:
        ZoneInfo(asked.timezone)
    except (KeyError, ValueError, OSError):
        raise ScaffoldError(
            f"--timezone: there is no time zone {asked.timezone}; write an IANA name such as Europe/Berlin",
            code=2,
        ) from None
    try:
        columns, frame = infer(asked.file, asked.timezone)
    except InferenceError as error:
        raise ScaffoldError(str(error), code=2) from error
    facts = _facts(product, asked, columns, frame)

    def fill(part: str, folder: Path) -> None:
        _render(TEMPLATES / part, folder, facts)
        if part == "product":
            place = folder / "sample" / facts["sample"]
            place.parent.mkdir()
            place.write_bytes(asked.file.read_bytes())

    return create_product(product, root, fill)


def _facts(product: str, asked: Asked, columns: list[Inferred], frame: pd.DataFrame) -> dict[str, Any]:
    """What the templates say, after every choice was held against the file."""
    by_name = {column.name: column for column in columns}

    def named(option: str, name: str) -> Inferred:
        if name not in by_name:
            raise ScaffoldError(
                f"--{option}: {asked.file.name} has no column {name!r}; it has {', '.join(by_name)}", code=2
            )
        return by_name[name]

    def moment(option: str, name: str) -> Inferred:
        column = named(option, name)
        if column.kind != "timestamp" or not column.required:
            why = column.why if column.kind != "timestamp" else "some rows have none"
            raise ScaffoldError(
                f"--{option}: column {name} of {asked.file.name} does not say a moment in every row ({why}); write "
                f"moments as 2026-01-05T08:10:00Z",
                code=2,
            )
        return column

    key, event, known = (
        named("key", asked.key),
        moment("event-at", asked.event_at),
        moment("known-at", asked.known_at),
    )
    if not key.required or frame[key.sql].duplicated().any():
        raise ScaffoldError(
            f"--key: column {key.name} of {asked.file.name} does not name each row once; choose one that does",
            code=2,
        )
    if (frame[known.sql] < frame[event.sql]).any():
        raise ScaffoldError(
            f"--known-at: column {known.name} lies before {event.name} in some rows; an answer cannot be known before "
            f"its question is asked: mend the file, or choose another column",
            code=2,
        )
    used = _used_by(asked, columns, frame)
    if event in used:
        raise ScaffoldError("--label: rests on the moment of the question, so it is known beforehand", code=2)
    later = {key.sql, event.sql, known.sql} | {column.sql for column in used}
    free = [column for column in columns if column.sql not in later]
    categories = [column for column in free if column.category]
    if asked.by is not None:
        by = named("by", asked.by)
        if by.kind != "string" or by.sql in later:
            raise ScaffoldError(
                f"--by: column {by.name} must be text that is known with the question", code=2
            )
    elif whole := [column for column in categories if column.required]:
        by = min(whole, key=lambda column: column.distinct)
    else:
        raise ScaffoldError(
            f"{asked.file.name} has no text column of 2 to 50 values, none missing, whose past could tell: use --by",
            code=2,
        )
    if not by.required:
        raise ScaffoldError(
            f"--by: column {by.name} is empty in some rows; name one that never is, or fill it", code=2
        )
    days = frame[event.sql].dt.tz_convert(asked.timezone).dt.date
    first, last = days.min(), days.max()
    start: date = first - timedelta(days=first.weekday() if asked.length_days % 7 == 0 else 0)
    rows = days.map(lambda day: (day - start).days // asked.length_days).value_counts()
    source = re.sub(r"[^a-z0-9]+", "_", asked.file.name.partition(".")[0].lower()).strip("_") or "rows"
    return {
        "product": product,
        "title": product.replace("_", " ").capitalize(),
        "asked": asked,
        "source": source if source[0].isalpha() else f"f_{source}",
        "sample": asked.file.name,
        "parquet": asked.file.suffix == ".parquet",
        "columns": columns,
        "questions": free,
        "numeric": [column for column in free if column.kind in ("integer", "number", "boolean")],
        "categories": [one.sql for one in categories] + ([] if by.category else [by.sql]),
        "left_out": [one for one in free if one.kind in ("string", "date", "timestamp") and not one.category],
        "used": used,
        "key": key, "event": event, "known": known, "by": by,
        "start": start,
        "until": last + timedelta(days=max(26 * asked.length_days, 92)),
        "rows": (max(1, int(rows.min()) // 2), int(rows.max()) * 2),
        "seen": (int(rows.min()), int(rows.max()), len(rows)),
        "new_rows": max(1, int(rows.median()) * 3),
        "drift_rows": max(1, int(rows.median()) // 2),
        "lookback": ceil(HISTORY_DAYS / asked.length_days),
        "hours": HISTORY_DAYS * 24 - 1,
        "types": {"string": "string", "integer": "bigint", "number": "double", "boolean": "boolean", "date": "date"},
    }  # fmt: skip


def _used_by(asked: Asked, columns: list[Inferred], frame: pd.DataFrame) -> list[Inferred]:
    """The columns a label is made of. They are known with the answer only, so no question may hold them."""
    import duckdb

    words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", asked.label.lower())))
    used = [column for column in columns if column.sql in words]
    known = ", ".join(column.sql for column in columns)
    try:
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("rows", frame)
            told = connection.execute(
                f"select count(*) filter (where answer), count(answer) from (select ({asked.label})::boolean as answer "  # noqa: S608 - the team's own expression, on its own file
                "from rows)"
            ).fetchone()
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise ScaffoldError(
            f"--label: {asked.label!r} is no condition over the file's columns ({first}); the columns are {known}",
            code=2,
        ) from error
    yes, answered = told or (0, 0)
    if yes in (0, answered):
        raise ScaffoldError(
            f"--label: {asked.label!r} is {'never' if yes == 0 else 'always'} true in {asked.file.name}, so there is "
            f"nothing to learn; write a condition that divides the rows",
            code=2,
        )
    if not used:
        raise ScaffoldError(f"--label: {asked.label!r} names no column; the columns are {known}", code=2)
    return used


def _render(source: Path, target: Path, facts: dict[str, Any]) -> None:
    """Jinja with other brackets, because dbt's models hold Jinja of their own."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - SQL, YAML and Python, no HTML
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=StrictUndefined, loader=FileSystemLoader(source),
    )  # fmt: skip
    environment.filters["yaml"] = _yaml
    for file in sorted(source.rglob("*.j2")):
        name = str(file.relative_to(source))
        place = target / name.removesuffix(".j2").replace("__source__", facts["source"])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(environment.get_template(name).render(facts), encoding="utf-8")


def _yaml(value: str) -> str:
    """A text as YAML reads it back: quoted, whatever it holds."""
    return "'" + value.replace("'", "''") + "'"
