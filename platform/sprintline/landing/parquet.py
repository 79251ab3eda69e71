"""An Arrow table as a typed frame: types of Parquet columns are compared with the contract's.

Numbers may come wider or narrower than declared as long as nothing is lost; text is never read as a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sprintline.landing.contracts import Column, Contract
from sprintline.landing.reasons import Violation, places
from sprintline.landing.values import Typed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def frame_from_table(table: pa.Table, contract: Contract) -> Typed:
    """A typed frame from a table that has the contract's columns. Rows are counted from 1."""
    import numpy as np
    import pandas as pd

    rows = table.num_rows
    typed = Typed(pd.DataFrame(index=pd.RangeIndex(rows)), range(1, rows + 1), "row")
    series: dict[str, Any] = {}
    for column in contract.columns:
        values = table.column(column.name)
        try:
            series[column.name], bad, wrong = _typed(values, column)
        except _Misfit as misfit:
            right = f"write it as {_TYPES[column.logical_type]}"
            typed.violations.append(Violation("type", f"column {column.name}: {misfit}", right, column.name))
            typed.bad[column.name] = np.ones(rows, dtype=bool)
            series[column.name] = _nothing(column, rows)
            continue
        if bad is not None and bad.any():
            typed.bad[column.name] = bad
            count, lines = int(bad.sum()), typed.lines(bad)
            wrong = f"{places(lines, count, 'row')}, column {column.name}: {wrong}"
            right = f"write it as {_TYPES[column.logical_type]}"
            typed.violations.append(Violation("type", wrong, right, column.name, count, lines))
    typed.frame = pd.DataFrame(series, index=typed.frame.index)
    return typed


_TYPES = {
    "string": "string",
    "integer": "int64",
    "number": "double",
    "boolean": "bool",
    "date": "date32",
    "timestamp": "timestamp[us, tz=UTC]",
}


class _Misfit(Exception):
    """A column whose Parquet type cannot be the contract's."""


def _typed(values: pa.ChunkedArray, column: Column) -> tuple[Any, Any, str]:
    """The column's values, which rows do not fit, and why."""
    import pyarrow as pa

    values = plain(values)
    kind = values.type
    if pa.types.is_null(kind):
        return _nothing(column, len(values)), None, ""
    wanted = column.logical_type
    if wanted == "string" and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return values.to_pandas().astype("string"), None, ""
    if wanted == "boolean" and pa.types.is_boolean(kind):
        return values.to_pandas(types_mapper=lambda _: _boolean()), None, ""
    if wanted in {"integer", "number"} and (_is_number(kind)):
        return _numbers(values, wanted)
    if wanted == "date" and pa.types.is_date(kind):
        return values.cast(pa.date32()).to_pandas(date_as_object=True).astype(object), None, ""
    if wanted == "timestamp" and pa.types.is_timestamp(kind):
        return _timestamps(values, column)
    raise _Misfit(f"has type {kind}, the contract says {wanted}")


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values themselves, where Parquet keeps them as a dictionary or as views."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain(values.cast(kind.value_type))
    return values.cast(pa.string()) if pa.types.is_string_view(kind) else values


def logical_type(kind: pa.DataType) -> str | None:
    """The contract's type that represents a Parquet type without loss; None when there is none."""
    import pyarrow as pa

    for fits, logical in (
        (pa.types.is_integer, "integer"),
        (_is_number, "number"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamp"),
        (pa.types.is_string, "string"),
        (pa.types.is_large_string, "string"),
        (pa.types.is_null, "string"),
    ):
        if fits(kind):
            return logical
    return None


def _boolean() -> Any:
    import pandas as pd

    return pd.BooleanDtype()


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _numbers(values: pa.ChunkedArray, wanted: str) -> tuple[Any, Any, str]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    empty = values.is_null().to_numpy()
    if wanted == "integer" and pa.types.is_integer(values.type):
        if pa.types.is_uint64(values.type):
            wide = values.fill_null(0).to_numpy()
            bad = wide > np.uint64(2**63 - 1)
            taken = np.where(bad, np.uint64(0), wide).astype("int64")
            return pd.arrays.IntegerArray(taken, empty | bad), bad, "the number is too large for 64 bits"
        taken = values.cast(pa.int64()).fill_null(0).to_numpy().astype("int64", copy=True)
        return pd.arrays.IntegerArray(taken, empty), None, ""
    floats = values.cast(pa.float64(), safe=False).to_numpy().astype("float64", copy=True)
    # pandas writes "not known" in a column of numbers as NaN: in this type it means the same.
    empty = empty | np.isnan(floats)
    if wanted == "number":
        bad = np.isinf(floats)
        floats[bad] = np.nan
        return pd.Series(floats), bad, "the number is infinite"
    whole = np.where(empty, 0.0, floats)
    bad = (np.abs(whole) >= 2.0**53) | (whole != np.floor(whole))
    taken = np.where(bad, 0.0, whole).astype("int64")
    return pd.arrays.IntegerArray(taken, empty | bad), bad, "the number is not whole"


def _timestamps(values: pa.ChunkedArray, column: Column) -> tuple[Any, Any, str]:
    """Moments in UTC, to the microsecond; local times in the column's zone, none of them guessed."""
    import pyarrow as pa

    zoned = values.type.tz is not None
    micros = values.cast(pa.timestamp("us", tz="UTC" if zoned else None), safe=False)
    moments = micros.to_pandas().astype("datetime64[us, UTC]" if zoned else "datetime64[us]")
    if zoned:
        return moments, None, ""
    local = moments.dt.tz_localize(column.timezone, ambiguous="NaT", nonexistent="NaT")
    bad = (local.isna() & moments.notna()).to_numpy()
    wrong = f"the moment does not exist or happened twice in {column.timezone} (the clocks change)"
    return local.dt.tz_convert("UTC"), bad, wrong


def _nothing(column: Column, rows: int) -> pd.Series:
    """A column of `rows` nulls in the contract's pandas type."""
    import pandas as pd

    dtype = {
        "string": "string",
        "integer": "Int64",
        "number": "float64",
        "boolean": "boolean",
        "date": "object",
        "timestamp": "datetime64[us, UTC]",
    }[column.logical_type]
    return pd.Series([None] * rows, dtype=dtype)  # type: ignore[call-overload]
