"""`sprintline new` without its options: what only the team knows becomes questions, with defaults from the file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sprintline.base.terminal import Column, print_rows, say
from sprintline.scaffold.create import ScaffoldError, check_name

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.inferred import Inferred

PREVIEW_ROWS = 3
"""Rows of the file that are shown."""

NEEDED = ("key", "event_at", "known_at", "label")
"""Options that a product on a file needs, in the order of the questions."""

_DEFAULTS = {"timezone": "UTC", "length_days": 7}


@dataclass
class Answers:
    """What was given as options, completed by a person's answers.

    said: values of the options about the file by their Python names. asked: names of those that a person answered, who
    is asked again where one cannot be used.
    """

    product: str | None
    file: Path | None
    said: dict[str, Any]
    asked: set[str] = field(default_factory=set)

    def command(self) -> str:
        """The command line that does the same without asking."""
        words = ["sprintline", "new", str(self.product)]
        if self.file is None:
            words += ["--task", self.said["task"]] if self.said.get("task") else []
        else:
            words += ["--from", str(self.file)]
            for name, value in self.said.items():
                for one in value if isinstance(value, tuple) else (value,):
                    if one is not None and one != _DEFAULTS.get(name):
                        words += [_option(name), str(one)]
        return shlex.join(words)


def ask(answers: Answers, helps: Mapping[str, str], root: Path) -> None:
    """Ask a person for all that is missing. helps: the text of each option.

    Raises:
        ScaffoldError: a file that was given as an option cannot be read.
        click.Abort: the person ended it, or the input did.
    """
    while answers.product is None or _unfit(answers.product, root):
        if answers.product is not None:
            say(_unfit(answers.product, root) or "")
        answers.product = click.prompt(
            "Name of the product", default="parcels" if not _there("parcels", root) else None
        )
        answers.asked.add("product")
    given = answers.file is not None
    columns: list[Inferred] = []
    while answers.file is None or not columns:
        if not given:
            path = click.prompt(
                "Your CSV or Parquet file, a row per question (empty: a small invented data set)", default="",
                show_default=False,
            )  # fmt: skip
            if not path.strip():
                return
            answers.file = Path(path.strip()).expanduser()
        try:
            columns, frame = _read(answers.file or Path())
        except ScaffoldError as error:
            if given:
                raise
            say(str(error))
    _preview(columns, frame)
    defaults = inferred(columns, frame)
    for name in NEEDED:
        if not answers.said.get(name):
            _ask_one(answers, name, helps, defaults.get(name))
    for name, default in _DEFAULTS.items():
        if answers.said.get(name) == default:
            _ask_one(answers, name, helps, default)


def ask_again(answers: Answers, error: ScaffoldError, helps: Mapping[str, str]) -> bool:
    """Ask once more for the answer that an error is about; False when it is about none."""
    found = re.match(r"--([a-z-]+): ", str(error))
    name = found[1].replace("-", "_") if found else ""
    if name not in answers.asked:
        return False
    say(str(error))
    _ask_one(answers, name, helps, None)
    return True


def inferred(columns: Sequence[Inferred], frame: pd.DataFrame) -> dict[str, str]:
    """The likely column for each question, by what its values are; without those for which there is none."""
    found = {}
    unique = [one for one in columns if one.required and one.distinct == len(frame)]
    keys = [one for one in unique if one.kind in ("string", "integer")]
    if keys:
        found["key"] = min(keys, key=lambda one: one.counts_rows).header
    moments = [one for one in columns if one.kind in ("timestamp", "date") and one.required]
    if moments:
        event = moments[0]
        # Another moment that is never before it is when the answer came; without one, the answer came at once.
        after = [one for one in moments[1:] if _never_before(frame, one, event)]
        found["event_at"] = event.header
        found["known_at"] = (after or [event])[0].header
    answers = [one for one in columns if one.kind == "boolean"]
    if answers:
        found["label"] = answers[-1].sql
    return found


def _never_before(frame: pd.DataFrame, one: Inferred, other: Inferred) -> bool:
    if one.kind != other.kind:
        return False
    return bool((frame[one.sql] >= frame[other.sql]).all())


def _read(file: Path) -> tuple[list[Inferred], pd.DataFrame]:
    from sprintline.scaffold.source_files import read_own

    columns, frame, _ = read_own(file, "UTC", (), ())
    return columns, frame


def _preview(columns: Sequence[Inferred], frame: pd.DataFrame) -> None:
    shown = min(PREVIEW_ROWS, len(frame))
    say(f"\n{len(frame):,} rows, {len(columns)} columns; the values are those of the first {shown} rows.")
    print_rows(
        [Column("column"), Column("type"), Column("different", right=True), Column("values", wraps=True)],
        [
            [one.header, one.kind, f"{one.distinct:,}", ", ".join(_shown(frame[one.sql].head(shown)))]
            for one in columns
        ],
    )
    click.echo()


def _shown(values: pd.Series) -> Iterator[str]:
    import pandas as pd

    for value in values:
        yield "(empty)" if pd.isna(value) else " ".join(str(value).split())[:40]


def _ask_one(answers: Answers, name: str, helps: Mapping[str, str], default: Any) -> None:
    text = re.sub(r"^With --from: ", "", helps.get(name, name)).rstrip(".")
    kind = int if name == "length_days" else str
    told = f"{text[0].upper()}{text[1:]} ({_option(name)})"
    answers.said[name] = click.prompt(told, default=default, type=kind)
    answers.asked.add(name)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _there(product: str, root: Path) -> bool:
    return (root / "platform" / "products" / product).exists()


def _unfit(product: str, root: Path) -> str | None:
    """Why no product can be made under this name, in a sentence."""
    try:
        check_name(product)
    except ScaffoldError as error:
        return str(error)
    return f"there is a product {product} already: choose another name" if _there(product, root) else None
