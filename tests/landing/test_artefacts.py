"""Row numbers that a program wrote into a file are no data, in the first file and in every later one."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pytest
from tests.landing.landed_files import GOOD, S01, drop, parquet, typed_frame

from sprintline.landing.folder import BadFile
from sprintline.landing.inferred import InferenceError, infer, texts_of


def written(frame: pd.DataFrame, form: str, **options) -> bytes:
    if form == "csv":
        return frame.to_csv(**options).encode()
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def frame() -> pd.DataFrame:
    """A filtered, shuffled frame: pandas writes its index."""
    rows = pd.DataFrame({"id": [f"V{n}" for n in range(90)], "items": [n % 7 for n in range(90)]})
    return rows[rows["items"] > 1].sample(frac=1, random_state=1)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_frames_index_is_left_out_and_told(tmp_path, form) -> None:
    file = tmp_path / f"rows.{form}"
    file.write_bytes(written(frame(), form))
    columns, typed = infer(file, "UTC")
    assert [column.header for column in columns] == ["id", "items"] == list(texts_of(file).columns)
    assert list(typed.attrs["left_out"]) == ["" if form == "csv" else "__index_level_0__"]


def test_an_index_that_was_read_and_written_again_is_left_out_unless_it_is_named_as_key(tmp_path) -> None:
    file = tmp_path / "rows.csv"
    frame().rename_axis("Unnamed: 0").to_csv(file)
    assert [column.header for column in infer(file, "UTC")[0]] == ["id", "items"]
    assert [column.header for column in infer(file, "UTC", keys=("Unnamed: 0",))[0]] == [
        "Unnamed: 0",
        "id",
        "items",
    ]


@pytest.mark.parametrize("index", [pd.date_range("2026-01-05", periods=3), ["a", "b", "c"]])
def test_an_index_of_anything_else_is_data(tmp_path, index) -> None:
    rows = pd.DataFrame({"x": [1, 2, 3]}, index=index)
    rows.to_parquet(tmp_path / "rows.parquet")
    assert [column.header for column in infer(tmp_path / "rows.parquet", "UTC")[0]] == [
        "x",
        "__index_level_0__",
    ]
    rows.to_csv(tmp_path / "rows.csv")
    with pytest.raises(
        InferenceError, match=r"column 1 of 2 has no name; name it, or leave it out .*index=False"
    ):
        infer(tmp_path / "rows.csv", "UTC")


def test_a_named_index_is_data(tmp_path) -> None:
    frame().reset_index(drop=True).rename_axis("place").to_parquet(tmp_path / "rows.parquet")
    frame().set_index("id").to_parquet(tmp_path / "named.parquet")
    assert "id" in [column.header for column in infer(tmp_path / "named.parquet", "UTC")[0]]


def test_a_column_that_numbers_the_rows_is_marked(tmp_path) -> None:
    rows = frame().assign(row=range(1, len(frame()) + 1), other=range(2, len(frame()) + 2))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    marked = {column.header: column.counts_rows for column in infer(tmp_path / "rows.csv", "UTC")[0]}
    assert marked == {"id": False, "items": False, "row": True, "other": False}


def test_a_landed_file_may_have_the_index_too(landing, contract) -> None:
    rows = pd.read_csv(io.StringIO(GOOD), dtype=str, keep_default_na=False)
    back = landing.read(drop(landing, rows.to_csv()), contract, S01)
    assert list(back.columns)[:2] == ["flight", "carrier"] and len(back) == len(rows)
    table = pa.Table.from_pandas(typed_frame().set_axis([7, 3]), preserve_index=True)
    assert "__index_level_0__" in table.column_names
    back = landing.read(drop(landing, parquet(table), "2013-S02.parquet"), contract, S01)
    assert "__index_level_0__" not in back


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_a_landed_column_of_such_a_name_that_has_texts_is_refused(landing, contract, name) -> None:
    lines = GOOD.replace("\n1,UA", "\nx,1,UA").splitlines()
    text = "\n".join(
        [f"{name},{lines[0]}", *(line if line.startswith("x,") else f"y,{line}" for line in lines[1:])]
    )
    with pytest.raises(BadFile, match="is not in the contract"):
        landing.read(drop(landing, text + "\n"), contract, S01)
