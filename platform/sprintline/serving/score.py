"""Predictions for the rows of a file: inputs that it does not have are looked up in the online store."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.errors import Refusal
from sprintline.features.store import FeatureStore
from sprintline.landing.delimited import NOTHING_HAPPENED, decode, unpack
from sprintline.landing.delimited import read_rows as rows_of_text
from sprintline.landing.reasons import BadFile
from sprintline.landing.types import MOST
from sprintline.product.runtime import Runtime
from sprintline.release.live import Live

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.recipes import Inputs

NEEDED_SHOWN = 6
FORMS = (".csv", ".parquet")
_BOOLEAN = {"true": 1, "false": 0}
"""As landed files write a condition, which is a number to a model."""


@dataclass(frozen=True)
class Scored:
    """Rows with their predictions.

    rows: the file's columns as they came, then `model_id`, the prediction, and those of twin and naive baseline.
    looked_up: inputs that were looked up. not_fresh: rows without a fresh value, by view; their features are missing.
    """

    rows: pd.DataFrame
    looked_up: tuple[str, ...]
    not_fresh: Mapping[str, int]


def read_rows(file: Path) -> pd.DataFrame:
    """The rows of a CSV (every value as text, an empty one missing) or Parquet file.

    A CSV file is read as strictly as one that lands: read loosely, a name that is given twice, or a row with a field
    too many, would put values under other names without a word.

    Raises Refusal for a file that is not there, is neither, cannot be read or has no row.
    """
    import pandas as pd

    if not file.is_file():
        wrong = "is a folder: name a file in it" if file.is_dir() else "does not exist: name a file that does"
        raise Refusal(f"--input: {file} {wrong}", code=2)
    if file.suffix.lower() not in FORMS:
        raise Refusal(
            f"--input: {file.name} is neither CSV nor Parquet: export it as one of them, and name it .csv or .parquet",
            code=2,
        )
    try:
        if file.suffix.lower() == ".parquet":
            rows = pd.read_parquet(file)
        else:
            text = decode(unpack(file.read_bytes(), file.name))
            header = next(csv.reader(io.StringIO(text, newline="")), [])
            read = rows_of_text(text, keep=header)  # what numbers the rows comes back with them
            rows = pd.DataFrame(read.columns, dtype=object)
            rows = rows.mask(rows == "")
    except BadFile as bad:
        # What a landed file says of its sprint is not meant here.
        told = (
            str(bad)
            .replace(NOTHING_HAPPENED, "")
            .replace("send the sprint's rows", "give a row per question")
        )
        raise Refusal(f"--input: {file.name}: {told}", code=2) from bad
    except csv.Error as bad:
        raise Refusal(
            f"--input: {file.name}: its header cannot be read ({bad}): export it again", code=2
        ) from bad
    except (ValueError, OSError) as error:  # pandas' and Arrow's own errors are ValueErrors
        raise Refusal(
            f"--input: {file.name} cannot be read ({str(error).splitlines()[0]}): write it again as CSV or Parquet",
            code=2,
        ) from error
    if rows.empty:
        raise Refusal(f"--input: {file.name} has no rows to predict: give a row per question", code=2)
    return rows


def score(runtime: Runtime, model: Live, rows: pd.DataFrame, name: str) -> Scored:
    """Predict each row by the live model, its twin and its naive baseline.

    Features that the rows do not have are the latest that were published, for the keys that the rows have; they are
    missing where the store has none that is fresh at the platform's time.

    Args:
        rows: a row per question, with the model's inputs or the keys of the features among them.
        name: how messages name the rows.

    Raises:
        Refusal: an input is neither there nor a feature, a key is missing, a value is no number, or a column has the
            name of a prediction.
        ReleaseError: the release is missing or not the one in the ledger.
    """
    from sprintline.learning.registry import Models

    release = runtime[Models].release(model.model_id, model.release_digest)
    task = release.task
    written = (
        "model_id",
        "prediction",
        *(one for stem in (task.column, "twin", "naive") for one in task.columns(stem)),
    )
    if clash := [one for one in written if one in rows]:
        raise Refusal(f"{name} has a column {clash[0]}, which predictions are written to: rename it", code=2)
    looked_up, not_fresh = _looked_up(runtime, release.inputs.names, rows, name)
    asked = _typed(rows.assign(**looked_up), release.inputs, name)
    found = rows.assign(
        model_id=model.model_id,
        **{
            **task.issued(release.model.predict(asked)),
            **task.named("twin", release.twin.predict(asked)),
            **task.named("naive", release.naive.predict(asked)),
        },
    )
    return Scored(found, tuple(looked_up), not_fresh)


def _looked_up(
    runtime: Runtime, inputs: tuple[str, ...], rows: pd.DataFrame, name: str
) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """Values of the inputs that the rows do not have, and by view how many rows have no fresh one."""
    lacking = [one for one in inputs if one not in rows]
    if not lacking:
        return {}, {}
    store, service = runtime[FeatureStore], runtime.spec.features.service
    declared = store.declared()
    views = {
        view: [one for one in features if one in lacking]
        for view, features in declared.service_views(service).items()
    }
    given = {one for features in views.values() for one in features}
    if unknown := [one for one in lacking if one not in given]:
        more = f" and {len(unknown) - NEEDED_SHOWN} more" if len(unknown) > NEEDED_SHOWN else ""
        raise Refusal(
            f"{name} has no column {', '.join(unknown[:NEEDED_SHOWN])}{more}, which the live model needs and no "
            f"feature view gives",
            code=2,
        )
    keys = list(dict.fromkeys(key for view in declared.service_views(service) for key in declared.keys(view)))
    for key in keys:
        if key not in rows or rows[key].isna().any():
            where = (
                "no column"
                if key not in rows
                else f"row {int(rows[key].isna().to_numpy().argmax()) + 1} without"
            )
            raise Refusal(
                f"{name} has {where} {key}, by which {', '.join(sorted(given)[:NEEDED_SHOWN])} would be looked up: "
                f"give the key, or these columns",
                code=2,
            )
    asked = [dict(zip(keys, row, strict=True)) for row in rows[keys].itertuples(index=False)]
    answer = store.online(service, asked, at=runtime.clock.now())
    not_fresh = {
        view: count
        for view, features in views.items()
        if features and (count := sum(state != "fresh" for state in answer.states[view]))
    }
    return {one: answer.values[one] for one in lacking}, not_fresh


def _typed(rows: pd.DataFrame, inputs: Inputs, name: str) -> pd.DataFrame:
    """The rows with numbers where the model takes numbers. Raises Refusal naming column and row of what is none."""
    import pandas as pd

    found = {}
    for column in inputs.numeric:
        texts = rows[column].map(
            lambda value: _BOOLEAN.get(value.lower(), value) if isinstance(value, str) else value
        )
        numbers = pd.to_numeric(texts, errors="coerce")
        beyond = (numbers.abs() > MOST).to_numpy()
        wrong = (numbers.isna() & rows[column].notna()).to_numpy() | beyond
        if wrong.any():
            at = int(wrong.argmax())
            what = "a number that no model can read" if beyond[at] else "no number"
            raise Refusal(
                f"{name}: {column} of row {at + 1} is {str(rows[column].iloc[at])!r}, {what}: the model takes numbers "
                f"there; fix it, or leave it empty where it is not known",
                code=2,
            )
        found[column] = numbers
    return rows.assign(**found)


def refuse_unwritable(file: Path) -> None:
    """Raises Refusal for a file to write of another ending, or in a folder that is missing or cannot be written."""
    if file.suffix.lower() not in FORMS:
        raise Refusal(f"--output: {file.name} is neither CSV nor Parquet: name it .csv or .parquet", code=2)
    if file.is_dir():
        raise Refusal(f"--output: {file} is a folder: name a file in it", code=2)
    if not file.parent.is_dir():
        raise Refusal(f"--output: there is no folder {file.parent}: make it, or name another", code=2)
    if not os.access(file.parent, os.W_OK):
        raise Refusal(f"--output: {file.parent} cannot be written: name a file in another folder", code=2)


def write_rows(rows: pd.DataFrame, file: Path) -> None:
    """Write the rows as CSV or Parquet, whole or not at all. Raises Refusal as `refuse_unwritable` does."""
    refuse_unwritable(file)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.suffix.lower() == ".parquet":
            rows.to_parquet(fresh, index=False)
        else:
            rows.to_csv(fresh, index=False)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
