"""Between pandas and what the lake keeps: few types, exact values, and an error that names the column otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_columns import MixedTypes, as_arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SPRINT = "sprint"

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LakeError(Exception):
    """The lake cannot do what was asked; the message names table, sprint and column, and what would help."""


def partition_table(
    table: str,
    sprint: str,
    frame: pd.DataFrame,
    sort_by: Sequence[str],
    schema: pa.Schema | None,
    types: Mapping[str, str] | None = None,
) -> pa.Table:
    """The frame as rows of the lake: 64-bit integers, doubles, UTC microseconds, ordered, ``sprint`` as last column.

    Args:
        schema: what the table keeps now; None for a table that does not exist yet. Numbers are turned into the table's
            type where no value changes by it (pandas makes integers with nulls floats); nothing else is.
        types: the declared logical type of columns. A column that is empty in a table's first rows tells none itself.

    Raises:
        LakeError: no rows, rows of another sprint, an odd or doubled name, a missing column of ``sort_by``, a type the
            table does not keep, a value that would change.
    """
    import pyarrow as pa

    place = f"lake table {table}, sprint {sprint}"
    _check_frame(place, sprint, frame, sort_by)
    columns: dict[str, pa.Array] = {}
    for name in frame.columns:
        if name == SPRINT:
            continue
        array = _kept(f"{place}, column {name}", frame[name])
        index = -1 if schema is None else schema.get_field_index(name)
        if schema is not None and index >= 0:
            array = _as_kept_before(f"{place}, column {name}", array, schema.field(index).type)
        elif array.null_count == len(array) and (types or {}).get(name):
            array = pa.nulls(len(array), arrow_type((types or {})[name]))
        elif pa.types.is_null(array.type):
            array = array.cast(
                pa.string()
            )  # a column without any value: text, as an object column nearly always is
        columns[name] = array
    rows = pa.table(columns)
    if sort_by:
        rows = rows.sort_by([(name, "ascending") for name in sort_by if name != SPRINT])
    return rows.append_column(SPRINT, pa.array([sprint] * len(frame), pa.string()))


def arrow_type(logical: str) -> pa.DataType:
    """The lake's type of a contract's logical type. Raises KeyError for another word."""
    import pyarrow as pa

    return {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
    }[logical]


def from_arrow(rows: pa.Table) -> pd.DataFrame:
    """Rows of the lake as pandas, no value changed on the way.

    Text and dates are object columns with None, moments ``datetime64[us, UTC]``, floats have NaN. Integers and booleans
    are ``int64`` and ``bool``; with nulls among them ``Int64`` and ``boolean``, since a float would round large ones.
    """
    import pandas as pd
    import pyarrow as pa

    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = rows.to_pandas()
    for field in rows.schema:
        if field.type in nullable and rows.column(field.name).null_count:
            frame[field.name] = rows.column(field.name).to_pandas(types_mapper=nullable.get)
    return frame


def _check_frame(place: str, sprint: str, frame: pd.DataFrame, sort_by: Sequence[str]) -> None:
    names = list(frame.columns)
    if len(frame) == 0:
        raise LakeError(
            f"{place}: there are no rows to write; a sprint that truly has none is not written at all"
        )
    if odd := [name for name in names if not isinstance(name, str) or not _COLUMN.fullmatch(name)]:
        raise LakeError(f"{place}: columns {odd} cannot be kept: use letters, digits and _, no digit first")
    folded = [name.lower() for name in names]
    if twice := sorted({name for name in names if folded.count(name.lower()) > 1}):
        raise LakeError(
            f"{place}: columns {twice} have the same name but for case: rename or drop one of them"
        )
    if missing := [name for name in sort_by if name not in names and name != SPRINT]:
        raise LakeError(f"{place}: cannot be ordered by {missing}: the frame has {names}")
    if SPRINT in names:
        others = [key for key in frame[SPRINT].unique().tolist() if key != sprint]
        if others:
            raise LakeError(
                f"{place}: holds rows of sprint {others[:3]}: write each sprint's rows to its own partition"
            )
    if not set(names) - {SPRINT}:
        raise LakeError(f"{place}: has no column besides {SPRINT}: nothing to keep")


def _kept(place: str, series: pd.Series) -> pa.Array:
    """The column in one of the types the lake keeps."""
    import pyarrow as pa
    import pyarrow.types as t

    try:
        array: Any = as_arrow(series)
    except MixedTypes as error:
        raise LakeError(
            f"{place}: holds values of more than one type: give the column one type ({error})"
        ) from error
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if t.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if t.is_integer(kind):
        return _cast(place, array, pa.int64(), "a number beyond 64 bits with sign; keep it as text")
    if t.is_floating(kind):
        return array.cast(pa.float64())
    if t.is_timestamp(kind):
        if kind.tz is None:
            raise LakeError(
                f"{place}: holds moments without time zone: say which it is, like .dt.tz_localize('UTC'), or keep text"
            )
        fix = "moments finer than a microsecond: round them, like .dt.floor('us')"
        return _cast(place, array, pa.timestamp("us", "UTC"), fix)
    if t.is_large_string(kind) or t.is_string_view(kind):
        return array.cast(pa.string())
    if t.is_date64(kind):
        return array.cast(pa.date32())
    if t.is_duration(kind) or t.is_time(kind) or t.is_interval(kind):
        raise LakeError(
            f"{place}: holds {kind}, which the lake does not keep: write a number and its unit in the name"
        )
    return array


def _as_kept_before(place: str, array: pa.Array, kept: pa.DataType) -> pa.Array:
    """The column in the type the table has for it already."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_large_string(kept) or t.is_string_view(kept):
        kept = pa.string()
    if array.type == kept:
        return array
    if array.null_count == len(array):
        return pa.nulls(len(array), kept)
    fix = f"values that are not {kept}, which the table keeps: cast the column before writing, or give it a new name"
    if (t.is_integer(kept) or t.is_floating(kept)) and (
        t.is_integer(array.type) or t.is_floating(array.type)
    ):
        return _cast(place, array, kept, fix)
    raise LakeError(f"{place}: holds {array.type}, {fix}")


def _cast(place: str, array: pa.Array, to: pa.DataType, trouble: str) -> pa.Array:
    import pyarrow as pa

    try:
        return array.cast(to)
    except pa.ArrowInvalid as error:
        raise LakeError(f"{place}: holds {array.type} with {trouble} ({error})") from error
