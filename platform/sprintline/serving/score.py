"""Predictions for the rows of a file: inputs that it does not have are looked up in the online store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.errors import Refusal
from sprintline.features.store import FeatureStore
from sprintline.product.runtime import Runtime
from sprintline.release.live import Live

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.recipes import Inputs

NEEDED_SHOWN = 6


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

    Raises Refusal for a file that is not there, is neither, cannot be read or has no row.
    """
    import pandas as pd

    if not file.is_file():
        raise Refusal(f"there is no file {file}", code=2)
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise Refusal(
            f"{file.name} is neither CSV nor Parquet: name a file that ends in .csv or .parquet", code=2
        )
    try:
        if file.suffix.lower() == ".parquet":
            rows = pd.read_parquet(file)
        else:
            rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            rows = rows.mask(rows == "")
    except (ValueError, OSError) as error:  # pandas' and Arrow's own errors are ValueErrors
        raise Refusal(f"{file.name} cannot be read: {str(error).splitlines()[0]}", code=2) from error
    if rows.empty:
        raise Refusal(f"{file.name} has no rows to predict", code=2)
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
        numbers = pd.to_numeric(rows[column], errors="coerce")
        wrong = (numbers.isna() & rows[column].notna()).to_numpy()
        if wrong.any():
            at = int(wrong.argmax())
            raise Refusal(f"{name}: {column} of row {at + 1} is {rows[column].iloc[at]!r}, no number", code=2)
        found[column] = numbers
    return rows.assign(**found)


def write_rows(rows: pd.DataFrame, file: Path) -> None:
    """Write the rows as CSV or Parquet, whole or not at all. Raises Refusal for another ending or a missing folder."""
    if file.suffix.lower() not in (".csv", ".parquet") or not file.parent.is_dir():
        raise Refusal(f"cannot write {file}: name a file in a folder that is there, .csv or .parquet", code=2)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.suffix.lower() == ".parquet":
            rows.to_parquet(fresh, index=False)
        else:
            rows.to_csv(fresh, index=False)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
