"""An Arrow table as a typed frame: types of Parquet columns are compared with the contract's.

Numbers may come wider or narrower than declared as long as nothing is lost; text is never read as a number.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sprintline.base.time_zones import zone_of
from sprintline.landing.contracts import Column, Contract
from sprintline.landing.dates import OUTSIDE, located, microseconds
from sprintline.landing.reasons import Violation, places
from sprintline.landing.types import BEYOND, MOST
from sprintline.landing.values import Typed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_FIRST, _LAST, _EPOCH = date.min.toordinal(), date.max.toordinal(), date(1970, 1, 1).toordinal()
"""Days as Python counts them: all that it knows, and the one from which Arrow counts."""


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
        texts = values.to_pandas().astype("string")
        return texts.mask(texts.isin(column.not_known or ())), None, ""
    if wanted == "boolean" and pa.types.is_boolean(kind):
        return values.to_pandas(types_mapper=lambda _: _boolean()), None, ""
    if wanted in {"integer", "number"} and (_is_number(kind)):
        return _numbers(values, column)
    if wanted == "date" and pa.types.is_date(kind):
        return _dates(values)
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
        (_is_whole, "integer"),
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


def _is_whole(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0)


def _numbers(values: pa.ChunkedArray, column: Column) -> tuple[Any, Any, str]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    empty = values.is_null().to_numpy()
    if column.logical_type == "integer" and _is_whole(values.type):
        if not (pa.types.is_uint64(values.type) or pa.types.is_decimal(values.type)):
            taken = values.cast(pa.int64()).fill_null(0).to_numpy().astype("int64", copy=True)
            return pd.arrays.IntegerArray(taken, empty), None, ""
        wide = [0 if one is None else int(one) for one in values.to_pylist()]
        bad = np.array([not -(2**63) <= one < 2**63 for one in wide], dtype=bool)
        taken = np.array([0 if off else one for one, off in zip(wide, bad, strict=True)], dtype="int64")
        return pd.arrays.IntegerArray(taken, empty | bad), bad, "the number is too large for 64 bits"
    floats = values.cast(pa.float64(), safe=False).to_numpy().astype("float64", copy=True)
    # pandas writes "not known" in a column of numbers as NaN: in this type it means the same.
    empty = empty | np.isnan(floats) | np.isin(floats, _as_numbers(column.not_known))
    if column.logical_type == "number":
        return _doubles(values, floats, empty)
    whole = np.where(empty, 0.0, floats)
    bad = (np.abs(whole) >= 2.0**53) | (whole != np.floor(whole))
    taken = np.where(bad, 0.0, whole).astype("int64")
    return pd.arrays.IntegerArray(taken, empty | bad), bad, "the number is not whole"


def _doubles(values: pa.ChunkedArray, floats: Any, empty: Any) -> tuple[Any, Any, str]:
    """The doubles, those that are none, and why: beyond what a model reads, or rounded on their way from Parquet."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    floats[empty] = np.nan
    bad, wrong = np.abs(floats) > MOST, f"the number {BEYOND}"
    if not bad.any() and not pa.types.is_floating(values.type):
        back = pa.array(floats, from_pandas=True).cast(values.type, safe=False)
        same = pa.compute.equal(back, values.combine_chunks()).fill_null(True)
        bad, wrong = ~same.to_numpy(zero_copy_only=False), "the number has more digits than a double keeps"
    floats[bad] = np.nan
    return pd.Series(floats), bad, wrong


def _as_numbers(words: tuple[str, ...] | None) -> list[float]:
    found = []
    for word in words or ():
        with suppress(ValueError):
            found.append(float(word))
    return found


def _dates(values: pa.ChunkedArray) -> tuple[Any, Any, str]:
    """Days as `datetime.date`, which knows the years 1 to 9999."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    days = values.cast(pa.date32()).cast(pa.int32())
    numbers = days.fill_null(0).to_numpy()
    bad = (numbers < _FIRST - _EPOCH) | (numbers > _LAST - _EPOCH)
    objects = np.array([None if off else date.fromordinal(int(one) + _EPOCH) for one, off in zip(
        numbers, bad | days.is_null().to_numpy(), strict=True)], dtype=object)  # fmt: skip
    return pd.Series(objects, dtype=object), bad, OUTSIDE


def _timestamps(values: pa.ChunkedArray, column: Column) -> tuple[Any, Any, str]:
    """Moments in UTC, to the microsecond; local times in the column's zone, none of them guessed."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[values.type.unit]
    raw = values.cast(pa.int64())
    numbers, empty = raw.fill_null(0).to_numpy(), raw.is_null().to_numpy()
    low, high = ((one - _EPOCH) * 86_400 * second for one in (_FIRST, _LAST + 1))
    bad, wrong = np.zeros(len(numbers), dtype=bool), ""
    if low > -(2**63) and (far := (numbers < low) | (numbers >= high)).any():  # nanoseconds end earlier
        bad, wrong = far, OUTSIDE
    numbers = np.where(bad, 0, numbers)
    micros = numbers * (1_000_000 // second) if second <= 1_000_000 else numbers // (second // 1_000_000)
    if values.type.tz is None:
        micros, unclear = _located(micros, column)
        wrong = (
            wrong or f"the moment does not exist or happened twice in {column.timezone} (the clocks change)"
        )
        bad = bad | (unclear & ~empty)
    moments = pd.Series(micros.astype("datetime64[us]")).dt.tz_localize("UTC")
    return moments.mask(empty | bad), bad if bad.any() else None, wrong


def _located(micros: Any, column: Column) -> tuple[Any, Any]:
    """Local times as a CSV file's are read; and which of them the zone skips, repeats or moves out of all years."""
    import numpy as np

    zone, start = zone_of(column.timezone), datetime(1970, 1, 1)  # noqa: DTZ001 - a local time has no zone yet
    distinct, places = np.unique(micros, return_inverse=True)
    found, unclear = np.zeros(len(distinct), dtype="int64"), np.zeros(len(distinct), dtype=bool)
    for index, one in enumerate(distinct.tolist()):
        try:
            moment, reason = located(start + timedelta(microseconds=one), zone)
            unclear[index] = reason is not None
            found[index] = microseconds(moment)
        except OverflowError:
            unclear[index] = True
    return found[places], unclear[places]


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
