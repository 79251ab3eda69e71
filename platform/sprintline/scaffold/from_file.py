"""`sprintline new PRODUCT --from FILE`: a product on a team's own file, one row per question with its answer.

Everything that was inferred from the file is written as text, with its reason, in the contract, the staging model and
the recipe. The team edits it from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.time_zones import zone_of
from sprintline.landing.inferred import MOST_CATEGORIES, Inferred
from sprintline.learning.backtest import ORIGINS, PARTS
from sprintline.product.calendar import Calendar
from sprintline.scaffold.asked import Asked
from sprintline.scaffold.create import Made, ScaffoldError, create_product
from sprintline.scaffold.few_rows import Amount, advice
from sprintline.scaffold.labels import label_of
from sprintline.scaffold.late_columns import late_columns
from sprintline.scaffold.source_files import (
    Find,
    files_of_source,
    moments_of,
    name_for,
    notes_on,
    read_own,
    render_all,
    row_facts,
)
from sprintline.scaffold.task_files import TASK_FILES

if TYPE_CHECKING:
    import pandas as pd

HISTORY_DAYS = 7
"""How far back the generated view looks."""
GROUPS = ("string", "integer", "boolean")
"""Types of a column by which the history can be grouped, the preferred first."""
TRAIN_SPRINTS = 6
"""A candidate learns from this many sprints, and from more where answers come late."""
MOST_TRAIN_SPRINTS = 52
FIRST_TRAINING = 3
"""Sprints before the first training, and more where fewer have not rows enough for a backtest."""
MOST_GAPS = 30
"""With more gaps than this, or one of a whole year, no calendar fits the file."""
NEARLY_ALL = 0.99
"""Share of the answers that a sprint's file waits for: one that comes a year late must not delay all the others."""


def create_from_file(product: str, asked: Asked, root: Path) -> Made:
    """Make a product on a file.

    Raises:
        ScaffoldError: the file, a column or the label cannot be used, or the product cannot be made. The clone is then
            as it was.
    """
    facts = _facts(product, asked)

    def fill(part: str, folder: Path) -> None:
        render_all(f"own_file/{part}", folder, facts)
        for place, content in files_of_source(part, asked.file, facts).items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(content)

    return replace(create_product(product, root, fill), notes=tuple(_notes(facts, asked)))


def _notes(facts: dict[str, Any], asked: Asked) -> Iterator[str]:
    """Notes about the file's columns and sprints that its owner should know before the first replay."""
    yield f"the task is {facts['task']}, because {facts['task_reason']} (model.task in defs.yaml)"
    yield from facts["notes"]
    if facts["known"] == facts["event"]:
        yield (
            f"--known-at is --event-at, so an answer counts as known at the moment of its question: later questions of "
            f"the same moment's hour already use it. If {facts['known'].header} is when the question is asked, add a "
            f"column with the moment at which the answer was there"
        )
    taken = ", ".join(one.header for one in facts["columns"] if one.sql in facts["asked_columns"])
    yield (
        f"these columns are taken as known when the question is asked (knownAt in contracts/{facts['source']}.yaml): "
        f"{taken}; make the product again with --known-later COLUMN for each that is filled in afterwards"
    )
    for column in facts["late_columns"]:
        if reason := facts["doubted"].get(column.sql):
            yield (
                f"column {column.header} is left out as known only later, because {reason}; if it is known when the "
                f"question is asked, write `knownAt: question` at it in the contract, and add it to questions.sql and "
                f"model.py"
            )
    yield from advice(facts["amount"])
    if facts["lengths"]:
        yield (
            f"some sprints would have no rows, so the ones before them last longer (calendar.lengths in defs.yaml): "
            f"{', '.join(facts['lengths'])}"
        )


def _facts(product: str, asked: Asked) -> dict[str, Any]:
    """Values for the templates, after every option was checked against the file."""
    import pandas as pd

    columns, frame, named = read_own(
        asked.file, asked.timezone, (asked.key,), (asked.event_at, asked.known_at)
    )
    key, event, known = (
        named("key", asked.key),
        named("event-at", asked.event_at),
        named("known-at", asked.known_at),
    )
    if not key.required or frame[key.sql].duplicated().any():
        raise ScaffoldError(
            f"--key: column {key.header} of {asked.file.name} does not identify the rows; choose one that does",
            code=2,
        )
    asked_at = moments_of(asked.file, "event-at", event, frame, asked.timezone)
    known_at = moments_of(asked.file, "known-at", known, frame, asked.timezone, asked_at)
    if (known_at < asked_at).any():
        raise ScaffoldError(
            f"--known-at: column {known.header} is before {event.header} in some rows; an answer cannot be known "
            f"before its question is asked: fix the file, or choose another column",
            code=2,
        )
    label, used, answers, task, why = label_of(asked, columns, frame)
    classes = sorted(answers.dropna().unique()) if answers.dtype in ("boolean", "string") else []
    rarer = float(answers.value_counts(normalize=True).min()) if classes else 1.0
    if event in used:
        raise ScaffoldError("--label: it uses the moment of the question, so it is known in advance", code=2)
    later = {key.sql, event.sql, known.sql} | {column.sql for column in used}
    later |= {one.sql for one in _known_later(asked, named, (key, event))}
    open_to_doubt = [column for column in columns if column.sql not in later]
    doubted: dict[str, str] = {}
    for one in [answers == one for one in classes] if len(classes) > 2 else [answers]:
        doubted = late_columns(frame, open_to_doubt, asked_at, one) | doubted
    later |= doubted.keys()
    by = _group(asked, named, [column for column in columns if column.sql not in later], doubted)
    # The column that groups the history is text for Feast, the model and the tables, whatever its type in the file.
    staged = [replace(column, kind="string") if column.sql == by.sql else column for column in columns]
    free = [column for column in staged if column.sql not in later]
    categories = [column for column in free if column.category and column.sql != by.sql]
    days = asked_at.dt.tz_convert(zone_of(asked.timezone)).dt.date
    first, last = days.min(), days.max()
    start: date = first - timedelta(days=first.weekday() if asked.length_days % 7 == 0 else 0)
    until = last + timedelta(days=max(26 * asked.length_days, 92))
    calendar = _calendar(start, until, set(days), asked)
    starts = pd.DatetimeIndex([one.start for one in calendar.sprints])
    places = pd.Series(starts.searchsorted(asked_at, side="right") - 1)
    rows = places.value_counts()
    delay = floor(_days(known_at - asked_at))
    amount = Amount(
        asked.length_days,
        int(rows.median()),
        rarer if task == "binary" else None,
        (last - first).days + 1,
        rarer if task == "multiclass" else None,
    )
    return {
        "product": product,
        "title": product.replace("_", " ").capitalize(),
        "asked": asked,
        "source": name_for(asked.file),
        "sample": asked.file.name,
        "notes": tuple(notes_on(columns, frame, name_for(asked.file))),
        "purpose": f"One row per question with its answer. The label: {asked.meaning.means or asked.label}",
        "limits": asked.meaning.limits,
        "description": asked.meaning.question or f"Question for each row: {asked.label}?",
        "means": asked.meaning.means or asked.label,
        "about": asked.meaning.about,
        "units": asked.meaning.units,
        "usage": f"One file per sprint with the rows whose {event.name} is in it, dropped when their answers are "
        "known.",
        "timezone": asked.timezone,
        "label": label,
        "task": task,
        "task_reason": why,
        "files": TASK_FILES[task],
        "totals": TASK_FILES[task].totals(classes),
        "options": TASK_FILES[task].options(classes),
        "lengths": calendar.lengths,
        "waits": _days_to_wait(pd.Series([calendar.sprints[place].end for place in places]), known_at),
        "columns": columns,
        "staged": staged,
        "questions": free,
        "numeric": [
            one for one in free if one.kind in ("integer", "number", "boolean") and not one.counts_rows
        ],
        # The first two also define the slices of a comparison: those with few values, each with many rows.
        "categories": [one.sql for one in sorted([*categories, by], key=lambda one: one.distinct)],
        "left_out": [
            one
            for one in free
            if one.kind in ("string", "date", "timestamp") and not one.category and one.sql != by.sql
        ],
        "used": used,
        "asked_columns": {one.sql for one in (*free, key, event)},
        "late_columns": [one for one in columns if one.sql in later and one not in (key, event, known, *used)],
        "doubted": doubted,
        "key": key, "keys": [key], "event": event, "known": known, "known_later": True, "by": by,
        "everyone": by.sql == "everyone",
        "start": start,
        "until": until,
        **row_facts(places),
        "usual": int(rows.median()),
        "new_rows": max(1, int(rows.median()) * 3),
        "drift_rows": max(1, int(rows.median()) // 2),
        # An answer that becomes known now may belong to an old question.
        "lookback": ceil((HISTORY_DAYS + delay) / asked.length_days),
        # The backtest learns at its first origin from what was known by then: the delay alone would leave nothing.
        "train": min(MOST_TRAIN_SPRINTS, max(TRAIN_SPRINTS, amount.sprints_to_learn_from))
        + ceil(delay * PARTS / (PARTS - ORIGINS) / asked.length_days),
        "first_training": min(MOST_TRAIN_SPRINTS, max(FIRST_TRAINING, amount.sprints_to_learn_from + 1)),
        "amount": amount,
        "train_least": TRAIN_SPRINTS,
        "first_least": FIRST_TRAINING,
        "hours": HISTORY_DAYS * 24 - 1,
    }  # fmt: skip


def _known_later(asked: Asked, named: Find, first: tuple[Inferred, ...]) -> list[Inferred]:
    """The columns that the team says are known only later. Raises ScaffoldError for one that a question needs."""
    found = [named("known-later", name) for name in asked.known_later]
    if needed := [column.header for column in found if column in first]:
        raise ScaffoldError(
            f"--known-later: column {needed[0]} identifies or dates the question, so it is known when it is asked",
            code=2,
        )
    return found


def _group(asked: Asked, named: Find, free: list[Inferred], doubted: dict[str, str]) -> Inferred:
    """The column that groups the history: the requested one, else the one with the fewest values, else `everyone`."""
    if asked.by is not None:
        by = named("by", asked.by)
        if by.sql in doubted:
            raise ScaffoldError(
                f"--by: column {by.header} is probably known only with the answer: {doubted[by.sql]}", code=2
            )
        if by.kind not in GROUPS or by not in free:
            raise ScaffoldError(
                f"--by: column {by.header} must be text or a whole number that is known with the question",
                code=2,
            )
        if not by.required:
            raise ScaffoldError(
                f"--by: column {by.header} is empty in some rows; name one that never is, or fill it", code=2
            )
        return by
    for kind in GROUPS:
        few = [
            one for one in free if one.kind == kind and one.required and 1 < one.distinct <= MOST_CATEGORIES
        ]
        if few:
            return min(few, key=lambda column: column.distinct)
    return Inferred("everyone", "everyone", "everyone", "string", "no column groups the rows", True, 1)


def _calendar(start: date, until: date, days: set[date], asked: Asked) -> Calendar:
    """Sprints that each have a row, up to the last one: a sprint without any never closes, and the next waits for it.

    So the sprint before a gap lasts until the gap is over. Only the end of a year ends it earlier, because a key has
    the year in which its sprint ends; the sprint after it then lasts longer.
    """
    ordinary = timedelta(days=asked.length_days)
    ordered, lengths = sorted(days), {}
    calendar, number = Calendar(start, asked.length_days, asked.timezone, until), Counter[int]()
    first, lasts, empty = start, ordinary, False
    while first <= ordered[-1]:
        following = next((day for day in ordered if day >= first + lasts), first + lasts)
        end = first + lasts + (following - first - lasts) // ordinary * ordinary
        year, lasts = (end - timedelta(days=1)).year, ordinary
        if year > (first + ordinary - timedelta(days=1)).year:
            year, new_year = first.year, date(first.year + 1, 1, 1)
            end, lasts = new_year, end + ordinary - new_year
        empty = empty or not any(first <= day < end for day in ordered)
        number[year] += 1
        if end != first + ordinary:
            lengths[calendar.key(year, number[year])] = (end - first).days
        first = end
    if empty or len(lengths) > MOST_GAPS:
        raise ScaffoldError(
            f"{asked.file.name} has no rows in too many sprints of {asked.length_days} days: choose longer ones "
            f"(--length-days), or keep only the part of the file with regular rows",
            code=2,
        )
    return replace(calendar, lengths=lengths)


def _days_to_wait(ends: pd.Series, known_at: pd.Series) -> int:
    """Whole days after a sprint's end at which nearly all of its answers are known."""
    return max(1, floor(_days(known_at - ends)) + 1)


def _days(gaps: pd.Series) -> float:
    """Days within which nearly all of these gaps are."""
    return float((gaps.dt.total_seconds() / 86_400).quantile(NEARLY_ALL))
