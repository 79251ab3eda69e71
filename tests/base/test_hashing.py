"""Content hashes say "the same" for equal content however held, and "other" at any difference."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sprintline.base.hashing import bytes_hash, canonical_json, frame_hash, table_hash, text_hash

ROWS = st.lists(
    st.tuples(
        st.integers(-(2**40), 2**40),
        st.none() | st.text(max_size=6),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1)),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=20,
)
NAMES = ["id", "word", "amount", "moment", "flag"]


def frame_of(rows):
    frame = pd.DataFrame(rows, columns=NAMES)
    return frame.assign(
        id=frame["id"].astype("int64"),
        word=frame["word"].astype(object),
        amount=frame["amount"].astype("float64"),
        moment=pd.to_datetime(frame["moment"], utc=True).astype("datetime64[ns, UTC]"),
        flag=frame["flag"].astype("boolean"),
    )


@settings(max_examples=30, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_index_and_representation_do_not_count(rows, random):
    frame = frame_of(rows)
    due = frame_hash(frame, ["id"])
    shuffled = list(rows)
    random.shuffle(shuffled)
    other = frame_of(shuffled)[random.sample(NAMES, len(NAMES))].set_axis(range(7, 7 + len(rows)))
    assert frame_hash(other, "id") == due
    held_otherwise = other.assign(
        id=other["id"].astype("Int64"),
        word=other["word"].astype("category"),
        moment=other["moment"].astype("datetime64[us, UTC]").dt.tz_convert("America/New_York"),
        flag=other["flag"].astype(object),
    )
    assert frame_hash(held_otherwise, "id") == due
    table = pa.Table.from_pandas(frame, preserve_index=False)
    assert table_hash(pa.concat_tables([table.slice(0, 1), table.slice(1)]), ["id"]) == due


@settings(max_examples=50, deadline=None)
@given(ROWS, st.data())
def test_any_other_value_or_null_gives_another_hash(rows, data):
    frame = frame_of(rows)
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(NAMES))
    other = {
        "id": 2**41,
        "word": "a word that is new",
        "amount": 0.123,
        "moment": pd.Timestamp("1999-01-01", tz="UTC"),
    }
    changed = frame.copy()
    if column == "flag":
        value = pd.NA if frame.loc[row, "flag"] is not pd.NA and frame.loc[row, "flag"] else True
    elif frame[column].isna()[row] or column == "id" or data.draw(st.booleans()):
        value = other[column]
    else:
        value = None
    changed.loc[row, column] = value
    if (
        changed[column].isna()[row]
        or frame[column].isna()[row]
        or changed.loc[row, column] != frame.loc[row, column]
    ):
        assert frame_hash(changed, "id") != frame_hash(frame, "id")
    renamed = frame.rename(columns={column: f"{column}_"})
    assert frame_hash(renamed) != frame_hash(frame)
    assert frame_hash(frame.iloc[:-1]) != frame_hash(frame)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1.0, 2.0]),
        (pd.Series([1, None], dtype="Int64"), [1.0, np.nan]),
        ([0.0, 1.5], [-0.0, 1.5]),
        (np.array([1.5], dtype="float32"), [1.5]),
        (np.array([1, 2], dtype="int8"), np.array([1, 2], dtype="uint64")),
        ([None, None], [np.nan, np.nan]),
        (pd.array(["a", None], dtype="string"), pd.array(["a", None], dtype=pd.ArrowDtype(pa.string()))),
        ([date(2013, 1, 1)], pd.Series([date(2013, 1, 1)], dtype=pd.ArrowDtype(pa.date32()))),
    ],
)
def test_equal_values_hash_alike(one, other):
    assert frame_hash(pd.DataFrame({"x": one})) == frame_hash(pd.DataFrame({"x": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["1"], [1]),
        ([True], [1]),
        (["ab", "c"], ["a", "bc"]),
        (["", None], [None, ""]),
        ([0, None], [None, 0]),
        ([2**53], [2**53 + 1]),
        ([2**63], [2**63 + 1]),
        ([pd.Timestamp("2013-01-01")], [pd.Timestamp("2013-01-01", tz="UTC")]),
        ([pd.Timestamp("2013-01-01T00:00:00.000000001")], [pd.Timestamp("2013-01-01")]),
        ([[1, 2]], [[1, 3]]),
        ([Decimal("1.5")], [Decimal("1.6")]),
        ([1, "a"], ["1", "a"]),
        ([b"a"], ["a"]),
    ],
)
def test_other_values_hash_otherwise(one, other):
    assert frame_hash(pd.DataFrame({"x": one})) != frame_hash(pd.DataFrame({"x": other}))


def test_order_counts_without_a_key_and_not_with_one_that_has_ties():
    frame = pd.DataFrame({"key": [1, 1, 2, None], "value": ["b", "a", "c", "d"]})
    turned = frame.iloc[::-1]
    assert frame_hash(turned) != frame_hash(frame)
    assert frame_hash(turned, "key") == frame_hash(frame, "key")


def test_no_rows_and_wrong_names():
    assert frame_hash(pd.DataFrame({"a": []})) != frame_hash(pd.DataFrame({"b": []}))
    with pytest.raises(ValueError, match="distinct strings"):
        frame_hash(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match="cannot sort by"):
        frame_hash(pd.DataFrame({"a": [1]}), "b")


def test_canonical_json_is_one_text_for_equal_values():
    moment = datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert canonical_json({"b": 1, "a": (np.int64(2), np.float64(0.5))}) == '{"a":[2,0.5],"b":1}'
    assert canonical_json(pd.Timestamp(moment)) == canonical_json(moment) == '"2013-01-01T05:00:00.000000Z"'
    assert canonical_json({"é": date(2013, 1, 1)}) == '{"é":"2013-01-01"}'
    assert len(text_hash("é")) == 32
    assert text_hash("é") == bytes_hash("é".encode())


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), datetime(2013, 1, 1), {1: "a"}, {"a"}, object(), pd.NaT]
)
def test_canonical_json_refuses_what_json_cannot_hold_and_names_the_place(value):
    with pytest.raises((TypeError, ValueError), match=r"body\.rows\[1\]"):
        canonical_json({"rows": [0, value]})
