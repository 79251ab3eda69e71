"""What a team declares about its model: columns, how to build it, its readable twin and its naive baseline.

A recipe stays within what exports exactly to ONNX: numbers as float32, categories as text that the pipeline itself
turns into ordinal or one-hot codes. Native categorical splits of gradient boosting are exported wrongly without any
error, so they are left out; the parity rule (ML402) watches over every export.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.base.places import shown, team_place

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

NO_CATEGORY = ""
"""What a missing category becomes, in training and in serving alike: ONNX text knows no null."""


class RecipeError(ValueError):
    """A recipe or a frame that does not fit it."""


@dataclass(frozen=True)
class Inputs:
    """The columns of a model in their exact order: first numbers, then categories.

    Training, ONNX export and serving all turn a frame into inputs here, so they cannot disagree about order, type or
    nulls.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind in ("numeric", "categorical"):
            _refuse_text(kind, getattr(self, kind))
        if not self.names:
            raise RecipeError("a model needs at least one column")
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise RecipeError(f"columns {', '.join(twice)} are named twice")

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)

    def numbers(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """(n, numeric) float32 with NaN for null. Raises RecipeError for text and for numbers beyond float32."""
        self._complete(frame)
        matrix = np.empty((len(frame), len(self.numeric)), dtype=np.float32)
        for place, name in enumerate(self.numeric):
            try:
                column = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            except (TypeError, ValueError) as fault:
                raise RecipeError(
                    f"column {name} holds {frame[name].dtype}, no number: declare it categorical or "
                    f"convert it in the feature's SQL"
                ) from fault
            with np.errstate(over="ignore"):
                matrix[:, place] = column
            if np.isinf(matrix[:, place]).any():
                raise RecipeError(
                    f"column {name} holds an infinite number or one beyond float32: fix the feature's SQL"
                )
        return matrix

    def categories(self, frame: pd.DataFrame) -> NDArray[np.object_]:
        """(n, categorical) text; null is the empty text."""
        self._complete(frame)
        table = np.empty((len(frame), len(self.categorical)), dtype=object)
        for place, name in enumerate(self.categorical):
            column = frame[name].astype(object)
            table[:, place] = column.where(column.notna(), NO_CATEGORY).astype(str).to_numpy()
        return table

    def of_rows(self, rows: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        """What `numbers` and `categories` give of a frame, of plain rows: None is null, and numbers fit float32."""
        numbers = np.array(
            [[np.nan if row[name] is None else row[name] for name in self.numeric] for row in rows],
            np.float32,
        ).reshape(len(rows), len(self.numeric))
        categories = np.empty((len(rows), len(self.categorical)), dtype=object)
        for at, row in enumerate(rows):
            for place, name in enumerate(self.categorical):
                categories[at, place] = NO_CATEGORY if row[name] is None else str(row[name])
        return numbers, categories

    def prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The model's columns in order, float32 and text, with a fresh index. This is what estimators are given."""
        import pandas as pd

        numbers, categories = self.numbers(frame), self.categories(frame)
        columns: dict[str, NDArray[Any]] = {
            name: numbers[:, place] for place, name in enumerate(self.numeric)
        }
        columns |= {name: categories[:, place] for place, name in enumerate(self.categorical)}
        return pd.DataFrame(columns)

    def as_dict(self) -> dict[str, list[str]]:
        return {"numeric": list(self.numeric), "categorical": list(self.categorical)}

    def _complete(self, frame: pd.DataFrame) -> None:
        if missing := [name for name in self.names if name not in frame.columns]:
            raise RecipeError(
                f"the frame does not have {', '.join(missing)}: the model was trained with "
                f"{len(self.names)} columns and needs every one"
            )


@dataclass(frozen=True)
class Recipe:
    """A product's model, as `products/<product>/model.py` returns it from `recipe()`.

    build: seed -> unfitted pipeline. Its last step may be a HistGradientBoostingClassifier (or another with its
        `warm_start`, `max_iter`, `fit(X_val=, y_val=)`), which is then grown in pieces with early stopping
        on the last training sprint. LightGBM and XGBoost stop on that sprint too where they have
        `early_stopping_rounds`; any other is fitted once.
    twin: seed -> unfitted interpretable pipeline over the same inputs.
    naive_groups: columns of the baseline "rate of the group", or its mean or median, as the task has it; categorical or
        of few whole numbers.
    refit: whether the model is grown once more, to the number of trees found, on all training sprints.
    refit_least: trees of that second growth at least. A last sprint that is unlike the others stops the first growth
        early, which says more about that sprint than about how much there was to learn.
    params: plain values that tell two recipes of one module apart; part of the model's identity.
    exporter: the product's own, a module with LIBRARY, TYPES, refuse and export, for steps of its own or of a library
        that the platform does not know (docs/how-to/add-a-library.md). Its code is part of the identity.
    threads: cores that an estimator may use. Sums of floats may depend on it, so it is fixed and part of the identity.
    """

    inputs: Inputs
    build: Callable[[int], Any]
    twin: Callable[[int], Any]
    naive_groups: tuple[str, ...]
    description: str
    params: Mapping[str, Any] = field(default_factory=dict)
    refit: bool = False
    refit_least: int = 1
    threads: int = 2
    exporter: Any = None

    def __post_init__(self) -> None:
        _refuse_text("naive_groups", self.naive_groups)
        if unknown := [name for name in self.naive_groups if name not in self.inputs.names]:
            raise RecipeError(
                f"naive_groups names {', '.join(unknown)}, which the recipe's inputs do not have"
            )

    def identity(self) -> dict[str, Any]:
        """Plain values that go into the model's id beside data and code."""
        return {
            "inputs": self.inputs.as_dict(),
            "naive_groups": list(self.naive_groups),
            "refit": self.refit,
            "refit_least": self.refit_least,
            "threads": self.threads,
            **self.params,
        }


def _refuse_text(name: str, columns: Any) -> None:
    """Raises RecipeError for a text in place of columns, which would be read letter by letter, and for other values."""
    if isinstance(columns, str):
        raise RecipeError(f'{name} is the text "{columns}": write a tuple of column names, ("{columns}",)')
    if other := [one for one in columns if not isinstance(one, str)]:
        raise RecipeError(f"{name} has {other[0]!r}, which is no column name: write a tuple of column names")


@contextmanager
def failing_as_recipe(module: ModuleType) -> Iterator[None]:
    """Let what goes wrong with a recipe name its file and line, also where a library fails on what it built.

    Raises:
        RecipeError: for an error that passed no line of the team's code and is none of the platform's other own.
    """
    try:
        yield
    except Exception as error:
        frames = [(one.filename, one.lineno or 1) for one in traceback.extract_tb(error.__traceback__)]
        ours = type(error).__module__.startswith("sprintline.") and not isinstance(error, RecipeError)
        if ours or isinstance(error, OSError | MemoryError) or team_place(frames):
            raise
        line = module.recipe.__code__.co_firstlineno
        told = str(error) if isinstance(error, RecipeError) else f"{type(error).__name__}: {error}"
        place = f"{shown(module.__file__ or '')}:{line}"
        raise RecipeError(f"{place}: training with this recipe failed: {told}") from error


SHARE = "share"
STATISTICS = ("mean", "median", SHARE)
"""What a baseline can predict of a group; a number from 0 to 1 is that quantile. A share is a mean that small groups
draw towards that of all rows, so that none of few rows is held impossible."""

Rate = float | tuple[float, ...]


@dataclass(frozen=True)
class Naive:
    """The baseline anybody could keep on paper: the rate, mean or median of the group; of all for an unknown group.

    base_rate: of all rows. rates: by group. Both are a number, or one for each part of a prediction. statistic: one of
        `STATISTICS` (the mean of answers that are 0 or 1 is the rate), or one for each part.
    """

    groups: tuple[str, ...]
    base_rate: Rate
    rates: Mapping[tuple[str, ...], Rate]
    statistic: str | tuple[str | float, ...] = "mean"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        label: NDArray[Any],
        groups: Sequence[str],
        least: int = 20,
        statistic: str | tuple[str | float, ...] = "mean",
    ) -> Naive:
        """The statistic per group of at least `least` rows; smaller groups fall back to that of all rows.

        label: (n), or (n, parts) for a statistic of each part.
        """
        import pandas as pd

        keys = pd.Series(_keys(frame, groups), dtype=object)
        if isinstance(statistic, str):
            whole, kept = _by_group(pd.Series(np.asarray(label, dtype=float)), keys, statistic, least)
            return cls(tuple(groups), whole, kept, statistic)
        parts = [
            _by_group(pd.Series(np.asarray(label[:, place], dtype=float)), keys, one, least)
            for place, one in enumerate(statistic)
        ]
        rates = {key: tuple(kept[key] for _, kept in parts) for key in parts[0][1]}
        return cls(tuple(groups), tuple(whole for whole, _ in parts), rates, statistic)

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """A prediction a row. Raises RecipeError when a group column is missing."""
        if missing := [name for name in self.groups if name not in frame.columns]:
            raise RecipeError(
                f"the frame does not have {', '.join(missing)}, by which the naive baseline groups"
            )
        keys = _keys(frame, self.groups)
        found = np.array([self.rates.get(key, self.base_rate) for key in keys], dtype=float)
        return found if len(found) else self.of_all(0)

    def of_all(self, rows: int) -> NDArray[np.float64]:
        """What the baseline without groups predicts of so many rows."""
        return np.tile(
            np.asarray(self.base_rate, dtype=float), (rows, 1) if isinstance(self.base_rate, tuple) else rows
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "groups": list(self.groups),
            **({} if self.statistic == "mean" else {"statistic": self.statistic}),
            "base_rate": self.base_rate,
            "rates": [[*key, rate] for key, rate in sorted(self.rates.items())],
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Naive:
        rates = {tuple(str(part) for part in row[:-1]): _rate(row[-1]) for row in body["rates"]}
        statistic = body.get("statistic", "mean")
        return cls(
            tuple(body["groups"]),
            _rate(body["base_rate"]),
            rates,
            statistic if isinstance(statistic, str) else tuple(statistic),
        )


def _rate(value: Any) -> Rate:
    return tuple(map(float, value)) if isinstance(value, list | tuple) else float(value)


def _by_group(
    outcome: pd.Series, keys: pd.Series, statistic: str | float, least: int
) -> tuple[float, dict[tuple[str, ...], float]]:
    """The statistic of all rows, and of each group of at least `least`."""
    groups = outcome.groupby(keys)
    rows = groups.size()
    if isinstance(statistic, float):
        whole, found = float(outcome.quantile(statistic)), groups.quantile(statistic)
    elif statistic == SHARE:
        whole = float(outcome.mean())
        found = (groups.sum() + least * whole) / (rows + least)
    else:
        whole, found = float(outcome.agg(statistic)), groups.agg(statistic)
    return whole, {key: float(found[key]) for key in sorted(rows.index[rows >= least])}


def _keys(frame: pd.DataFrame, groups: Sequence[str]) -> list[tuple[str, ...]]:
    """The group of each row as texts; 17, 17.0 and "17" are one group, whatever type a column has where it is asked."""
    columns = [_texts(frame[name]) for name in groups]
    return list(zip(*columns, strict=True)) if columns else [()] * len(frame)


def _texts(column: pd.Series) -> list[str]:
    """`_key` of each value, asked once for each that differs."""
    import pandas as pd

    codes, different = pd.factorize(column)
    texts = [*(_key(value) for value in different.tolist()), NO_CATEGORY]  # -1, the last, is what is missing
    return [texts[code] for code in codes.tolist()]


def _key(value: Any) -> str:
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return NO_CATEGORY
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
