"""Plain rows become the same inputs as a frame of them, bit for bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sprintline.learning.recipes import Inputs

INPUTS = Inputs(("a", "b"), ("c",))
NUMBER = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(-3e38, 3e38, allow_nan=False)
)
ROWS = st.lists(
    st.fixed_dictionaries({"a": NUMBER, "b": NUMBER, "c": st.none() | st.text(max_size=5)}), max_size=6
)


@given(ROWS)
def test_rows_are_read_as_frames_are(rows):
    def column(name: str) -> pd.Series:
        return pd.Series([np.nan if row[name] is None else float(row[name]) for row in rows], dtype=float)

    texts = pd.Series([row["c"] for row in rows], dtype=object)
    frame = pd.DataFrame({"a": column("a"), "b": column("b"), "c": texts})
    numbers, categories = INPUTS.of_rows(rows)
    assert np.array_equal(numbers, INPUTS.numbers(frame), equal_nan=True) and numbers.dtype == np.float32
    assert categories.tolist() == INPUTS.categories(frame).tolist()
    assert numbers.shape == (len(rows), 2) and categories.shape == (len(rows), 1)


def test_inputs_of_one_kind_have_an_empty_matrix_of_the_other():
    numbers, categories = Inputs(("a",)).of_rows([{"a": 1}, {"a": None}])
    assert numbers.shape == (2, 1) and categories.shape == (2, 0)
    numbers, categories = Inputs((), ("c",)).of_rows([{"c": None}])
    assert numbers.shape == (1, 0) and categories.tolist() == [[""]]
