"""Invented rows for a model's inputs: what a recipe is tried on before it trains, and what exports are compared on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.recipes import Inputs

if TYPE_CHECKING:
    import pandas as pd

Answer = Literal["two classes", "four classes", "number", "count"]

UNSEEN = "\N{REPLACEMENT CHARACTER}unseen"
"""A category no provider sends, to ask both forms about one they have never met."""

_EXTREMES = (0.0, 1e-30, 1e6, -1e6)
_NULLS = 0.08
#: Kinds of columns by turns, each hard for float32 in its own way.
_KINDS = 5


def invented(inputs: Inputs, rows: int, seed: int) -> pd.DataFrame:
    """Rows to fit on: numbers of several kinds, a tenth null; categories, some of them rare, some null."""
    import pandas as pd

    random = np.random.default_rng(seed)
    columns: dict[str, NDArray[np.generic]] = {}
    for place, name in enumerate(inputs.numeric):
        column = _numbers(place % _KINDS, rows, random)
        column[random.random(rows) < _NULLS] = np.nan
        columns[name] = column
    for place, name in enumerate(inputs.categorical):
        # One of few categories, the next of many: three common ones and a long tail.
        many = 4 if place % 2 == 0 else 24
        chance = np.full(many, 0.25 / (many - 3))
        chance[[0, many // 2, many - 1]] = 0.25
        texts = np.array([f"c{number:02d}" for number in range(many)], dtype=object)
        column = random.choice(texts, rows, p=chance)
        column[random.random(rows) < _NULLS] = None
        columns[name] = column
    return pd.DataFrame(columns)


def awkward(inputs: Inputs, rows: int, seed: int) -> pd.DataFrame:
    """Rows to ask: as `invented`, with more nulls, extreme numbers and categories that were never seen."""
    frame = invented(inputs, rows, seed)
    random = np.random.default_rng(seed + 1)
    for name in inputs.numeric:
        extreme = random.random(rows) < 0.05
        frame.loc[extreme, name] = random.choice(_EXTREMES, int(extreme.sum()))
        frame.loc[random.random(rows) < 0.05, name] = np.nan
    for name in inputs.categorical:
        frame.loc[random.random(rows) < 0.08, name] = UNSEEN
    return frame


def answers_for(frame: pd.DataFrame, inputs: Inputs, kind: Answer, seed: int) -> NDArray[np.generic]:
    """Answers that depend on every column, with noise: 0 and 1, 0 to 3, a positive number, or a count."""
    random = np.random.default_rng(seed + 2)
    score = np.zeros(len(frame))
    for place, name in enumerate(inputs.numeric):
        column = frame[name].to_numpy(dtype=np.float64)
        middle, spread = np.nanmean(column), np.nanstd(column) or 1.0
        score += np.nan_to_num((column - middle) / spread, nan=0.7) * (-1) ** place
    for name in inputs.categorical:
        score += frame[name].isin(["c00", "c05", "c12"]).to_numpy() - 0.3
    score = score / max(score.std(), 1e-9)
    if kind == "two classes":
        return (random.random(len(frame)) < 1 / (1 + np.exp(-2 * score))).astype(np.int64)
    if kind == "four classes":
        return np.digitize(score + random.normal(0, 0.3, len(frame)), [-0.8, 0.0, 0.8])
    if kind == "count":
        return random.poisson(np.exp(np.clip(score, -2, 2)))
    number = np.exp(score / 2) * random.gamma(2.0, 1.0, len(frame)) + 0.01
    return np.asarray(number, dtype=np.float64)


def _numbers(kind: int, rows: int, random: np.random.Generator) -> NDArray[np.float64]:
    if kind == 0:
        return random.normal(size=rows)
    if kind == 1:
        return random.normal(1013.0, 7.0, rows)  # far from 0: scaled numbers lose digits
    if kind == 2:
        return random.integers(0, 24, rows).astype(np.float64)
    if kind == 3:
        return np.round(random.exponential(100.0, rows), 1)
    return np.asarray(
        512 + random.integers(0, 40, rows) * 2.0**-14, dtype=np.float64
    )  # neighbours in float32
