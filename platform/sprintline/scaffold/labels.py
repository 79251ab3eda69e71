"""The label of a team's own file: its answers, the task that they are of, and why it is that one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sprintline.landing.inferred import TAKEN, Inferred
from sprintline.learning.tasks import task_named
from sprintline.learning.tasks.task import TaskError
from sprintline.scaffold.asked import Asked
from sprintline.scaffold.create import ScaffoldError

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 12
"""A text with more values than this is no class that a model could learn to name."""
INTEGERS = ("tinyint", "smallint", "int", "bigint", "hugeint")
NUMBERS = (*INTEGERS, *(f"u{one}" for one in INTEGERS), "decimal", "float", "double")
"""How the names of DuckDB's types of numbers begin."""


def label_of(
    asked: Asked, columns: list[Inferred], frame: pd.DataFrame
) -> tuple[str, list[Inferred], pd.Series, str, str]:
    """The label with SQL names, the columns it uses, the answer of each row (null where there is none), the task, and
    why it is that one.

    These columns are known only with the answer, so no question may have them. A header may be in quotation marks.
    """
    import duckdb
    import pandas as pd

    label = _over_sql_names(asked.label, columns)
    words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", label.lower())))
    used = [column for column in columns if column.sql in words]
    known = ", ".join(column.sql for column in columns)
    try:
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("rows", frame)
            found = connection.execute(f"select ({label}) as answer from rows")  # noqa: S608 - the team's own expression, on its own file
            kind, values = str(found.description[0][1]).lower(), found.df()["answer"]
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise ScaffoldError(
            f"--label: {asked.label!r} is neither a condition nor a number over the file's columns ({first}); the "
            f"columns are {known}",
            code=2,
        ) from error
    if not used:
        raise ScaffoldError(f"--label: {asked.label!r} names no column; the columns are {known}", code=2)
    different = values.nunique()
    is_class = kind == "varchar" and different <= MOST_CLASSES
    if not is_class and not kind.startswith(("bool", *NUMBERS)):
        raise ScaffoldError(
            f"--label: {asked.label!r} is text or a time with {different:,} values, and models predict yes or no, a "
            f"number, or one of at most {MOST_CLASSES} classes: write a condition, as {used[0].sql} = 'value', or a "
            f"number column",
            code=2,
        )
    is_number = kind.startswith(NUMBERS)
    answers = (
        pd.to_numeric(values).astype("Float64")
        if is_number
        else values.astype("string" if is_class else "boolean")
    )
    task, why = _task(asked, answers)
    if task == "binary":
        answers = answers.astype("boolean")
        yes, answered = int(answers.sum()), int(answers.count())
        if yes in (0, answered):
            raise ScaffoldError(
                f"--label: {asked.label!r} is {'never' if yes == 0 else 'always'} true in {asked.file.name}, so "
                f"there is nothing to learn; write a condition that is true in some rows only",
                code=2,
            )
    elif answers.nunique() < 2:
        raise ScaffoldError(
            f"--label: {asked.label!r} has one value only in {asked.file.name}, so there is nothing to learn",
            code=2,
        )
    if task == "multiclass":
        try:
            task_named(task, {"classes": sorted(answers.dropna().unique())})
        except TaskError as error:
            raise ScaffoldError(f"--label: {error}", code=2) from error
    return label, used, answers, task, why


def _task(asked: Asked, answers: pd.Series) -> tuple[str, str]:
    """The task of a label and the reason. answers: of type boolean, string or Float64."""
    numbers = answers if answers.dtype == "Float64" else None
    if answers.dtype == "string":
        found, why = "multiclass", "the label is text; a condition, as column = 'value', would be binary"
    elif numbers is None:
        found, why = "binary", "the label is a condition"
    elif numbers.dropna().isin((0, 1)).all():
        found, why = "binary", "the label is 0 or 1"
    else:
        found, why = "regression", "the label is a number; write count for how many of something there are"
    if asked.task in (None, found):
        return found, why
    whole = numbers is not None and bool(((numbers.dropna() >= 0) & (numbers.dropna() % 1 == 0)).all())
    if asked.task in ("binary", "multiclass") or numbers is None:
        way = {
            "binary": f'for yes or no write a condition, as --label "{asked.label} > 40"',
            "multiclass": "for classes write a label that is text, as case when ... then 'low' else 'high' end",
        }.get(str(asked.task), "for a number write a label that is a number column")
        raise ScaffoldError(
            f"--task {asked.task}: {why.split(';')[0]}, so the task is {found}; {way}", code=2
        )
    if asked.task == "count" and not whole:
        odd = numbers[~((numbers >= 0) & (numbers % 1 == 0)).fillna(True)]
        raise ScaffoldError(
            f"--task count: a count is a whole number from 0, and {len(odd):,} rows are none, row "
            f"{int(odd.index[0]) + 1} is {odd.iloc[0]:g}: write --task regression, or another --label",
            code=2,
        )
    return str(asked.task), "as --task says"


def _over_sql_names(label: str, columns: list[Inferred]) -> str:
    """The label with SQL names in the place of headers: one by itself, those in quotation marks, and reserved names."""
    if alone := next(
        (column.sql for column in columns if column.header.lower() == label.strip().lower()), None
    ):
        return alone
    for column in columns:
        label = label.replace(f'"{column.header}"', column.sql)
    taken = {column.header.lower(): column.sql for column in columns if column.header.lower() in TAKEN}
    if not taken:
        return label
    parts = re.split(r"('[^']*')", label)
    name = re.compile(rf"\b({'|'.join(taken)})\b", re.IGNORECASE)
    return "".join(
        part if part.startswith("'") else name.sub(lambda found: taken[found[0].lower()], part)
        for part in parts
    )
