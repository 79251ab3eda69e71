"""A file to predict is read as strictly as one that lands, and its values are numbers where the model takes numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from sprintline.base.errors import Refusal
from sprintline.learning.recipes import Inputs
from sprintline.serving.score import _typed, read_rows, refuse_unwritable

INPUTS = Inputs(("minutes", "rush"), ("courier",))


def typed(**values):
    rows = pd.DataFrame({"minutes": ["1"], "rush": ["true"], "courier": ["x"]} | values, dtype=object)
    return _typed(rows, INPUTS, "own.csv")


def test_a_condition_is_a_number_to_a_model():
    found = typed(minutes=["1", "2.5", None, "4"], rush=["true", "False", None, "1"], courier=["x"] * 4)
    assert found["rush"].fillna(-1).tolist() == [1, 0, -1, 1] and found["minutes"].fillna(-1).tolist() == [
        1,
        2.5,
        -1,
        4,
    ]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("value", "what"),
    [("inf", "a number that no model can read"), ("-1e300", "a number that no model can read"), ("3,5", "no number"),
     ("yes", "no number")],
)  # fmt: skip
def test_what_no_model_can_read_is_refused_with_column_and_row(value, what):
    with pytest.raises(Refusal, match=f"own.csv: minutes of row 2 is '{value}', {what}") as refused:
        typed(minutes=["1", value], rush=["1", "1"], courier=["x", "y"])
    assert refused.value.exit_code == 2


def test_rows_come_back_as_they_are(tmp_path):
    """Also what numbers them, which a landed file would lose; a byte order mark is no part of the first name."""
    file = tmp_path / "own.csv"
    file.write_bytes(
        '\ufeff,id,note\n0,007,\n1,8,"a, b"\n'.encode().replace(b"\xef\xbb\xbf,", b"\xef\xbb\xbfrow,")
    )
    found = read_rows(file)
    assert list(found) == ["row", "id", "note"] and found["id"].tolist() == ["007", "8"]
    assert pd.isna(found["note"][0]) and found["note"][1] == "a, b"


@pytest.mark.fault
def test_an_unnamed_column_is_refused(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("a,\n1,2\n")
    with pytest.raises(Refusal, match="column 2 of 2 has no name"):
        read_rows(file)


@pytest.mark.fault
def test_a_damaged_parquet_file_says_what_to_do(tmp_path):
    file = tmp_path / "own.parquet"
    file.write_bytes(b"PAR1")
    with pytest.raises(Refusal, match="write it again as CSV or Parquet"):
        read_rows(file)


@pytest.mark.fault
def test_a_folder_is_no_place_for_predictions(tmp_path):
    (tmp_path / "there.csv").mkdir()
    with pytest.raises(Refusal, match="is a folder: name a file in it"):
        refuse_unwritable(tmp_path / "there.csv")
