"""Which columns of a file are probably filled in only when the answer is known.

A file shows its rows as they are now, not as they were when each question was asked. Such a column makes a model that
is perfect on the file and useless on new rows, so it is left out until its owner says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sprintline.landing.inferred import MOST_CATEGORIES, Inferred

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SEPARATES = 0.98
"""ROC-AUC, or R² of a number, from which one column alone is taken for the answer in other words."""
BY_CHANCE = 1e-3
"""A pattern of nulls that chance explains less often than this is none of chance."""
NEWEST = 0.05
"""Share of the rows that are the newest: those whose values may not be filled in yet."""
LEAST_ROWS = 40
"""With fewer rows of an answer nothing is concluded."""
MOST_ROWS = 20_000
"""Rows that are looked at; more are sampled."""


def late_columns(
    frame: pd.DataFrame, columns: Iterable[Inferred], asked_at: pd.Series, answer: pd.Series
) -> dict[str, str]:
    """The reason for each column, by SQL name, that is probably known only with the answer.

    Args:
        frame: the rows, typed, under SQL names.
        columns: those that could be inputs.
        asked_at: the moment of each row's question, UTC.
        answer: of each row, boolean or a number; null rows are left out.
    """
    import numpy as np

    there = answer.notna().to_numpy(dtype=bool)
    frame, asked_at = frame[there].reset_index(drop=True), asked_at[there].reset_index(drop=True)
    yes_or_no = answer.dtype == "boolean" or answer.dtype == bool
    truth: NDArray[Any] = answer[there].astype(bool if yes_or_no else float).to_numpy()
    if len(truth) > MOST_ROWS:
        some = np.sort(np.random.default_rng(0).choice(len(truth), MOST_ROWS, replace=False))
        frame, asked_at, truth = frame.iloc[some], asked_at.iloc[some], truth[some]
    if (min(truth.sum(), len(truth) - truth.sum()) if yes_or_no else len(truth)) < LEAST_ROWS:
        return {}
    order = asked_at.to_numpy().argsort(kind="stable")
    found = {}
    for column in columns:
        values = frame[column.sql]
        missing = values.isna().to_numpy(dtype=bool)
        reason = (
            _after_the_question(values, asked_at, missing)
            if column.kind in ("date", "timestamp")
            else (_null_for_one_answer(missing, truth) if yes_or_no else None)
            or _empty_in_newest(missing[order])
            or (_separates if yes_or_no else _explains)(_numbers(values, column), truth)
        )
        if reason:
            found[column.sql] = reason
    return found


def _after_the_question(values: pd.Series, asked_at: pd.Series, missing: NDArray[np.bool_]) -> str | None:
    import pandas as pd

    moments = pd.to_datetime(values[~missing], utc=True, errors="coerce")  # a day counts from its start
    later = int((moments > asked_at[~missing]).sum())
    return f"{later:,} of its moments are after the question's" if later else None


def _null_for_one_answer(missing: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str | None:
    nulls, yes = int(missing.sum()), int((missing & truth).sum())
    if not nulls or yes not in (0, nulls):
        return None
    # The chance that so many nulls all fall on one answer, if they fell anywhere.
    share = truth.mean() if yes else 1 - truth.mean()
    if share**nulls > BY_CHANCE:
        return None
    return f"it is empty only where the answer is {'yes' if yes else 'no'} ({nulls:,} rows)"


def _empty_in_newest(missing: NDArray[np.bool_]) -> str | None:
    """missing: in the order in which the questions were asked."""
    newest = max(20, int(len(missing) * NEWEST))
    if len(missing) < 4 * newest:
        return None
    now, before = missing[-newest:].mean(), missing[:-newest].mean()
    if now - before < 0.5:
        return None
    return f"it is empty in {now:.0%} of the newest rows and in {before:.0%} of the others: it is filled in later"


def _separates(values: NDArray[Any], truth: NDArray[np.bool_]) -> str | None:
    """Whether a small tree on the column alone tells the answers apart, on rows that it did not see."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    if len(set(values[:100].ravel().tolist())) == 1 and (values == values[0]).all():
        return None
    tree = DecisionTreeClassifier(max_leaf_nodes=MOST_CATEGORIES, min_samples_leaf=5, random_state=0)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    guessed = cross_val_predict(tree, values, truth, cv=folds, method="predict_proba")[:, 1]
    area = float(roc_auc_score(truth, guessed))
    return f"it alone separates the answers (ROC-AUC {area:.3f})" if area >= SEPARATES else None


def _explains(values: NDArray[Any], truth: NDArray[np.float64]) -> str | None:
    """Whether a small tree on the column alone gives the number, on rows that it did not see."""
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeRegressor

    if (values == values[0]).all() or not truth.std():
        return None
    tree = DecisionTreeRegressor(max_leaf_nodes=200, min_samples_leaf=5, random_state=0)
    guessed = cross_val_predict(tree, values, truth, cv=KFold(4, shuffle=True, random_state=0))
    explained = float(r2_score(truth, guessed))
    return f"it alone gives the answer (R² {explained:.3f})" if explained >= SEPARATES else None


def _numbers(values: pd.Series, column: Inferred) -> NDArray[Any]:
    """A column as one column of numbers with NaN where it is null; a category as codes, the rarest first."""
    import numpy as np
    import pandas as pd

    if column.kind in ("integer", "number", "boolean"):
        return values.astype("float64").to_numpy(dtype="float64", na_value=np.nan).reshape(-1, 1)
    codes, _ = pd.factorize(values.map(str).where(values.notna()), sort=True)
    return np.where(codes < 0, np.nan, codes.astype("float64")).reshape(-1, 1)
