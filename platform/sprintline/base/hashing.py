"""Content hashes: the same values give the same hash, whatever file, library or moment they came through.

A verdict, an approval and a model all name the data they were judged on by such a hash. It must therefore say
"the same" exactly when a reader of the data could see no difference, and "other" at any difference in a value, a null
or a name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_columns import MixedTypes, as_arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Length of every hash given out here, in hex digits: 128 bits, so that no one can make two contents collide.
HEX_DIGITS = 32

_FRAME_DOMAIN = b"sprintline.frame.v1"
_EXACT_FLOAT = float(2**53)


def text_hash(text: str) -> str:
    """SHA-256 of the text as UTF-8, cut to ``HEX_DIGITS``."""
    return bytes_hash(text.encode("utf-8"))


def bytes_hash(content: bytes) -> str:
    """SHA-256 of the bytes, cut to ``HEX_DIGITS``."""
    return hashlib.sha256(content).hexdigest()[:HEX_DIGITS]


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, UTF-8, moments in UTC to the microsecond.

    Takes None, bool, int, float, str, list, tuple, mappings with string keys, enums (their value), paths, dates, aware
    datetimes and NumPy scalars.

    Raises:
        ValueError: for NaN and infinity (JSON has none, and ``NaN != NaN`` would break every comparison), and for a
            datetime without a time zone.
        TypeError: for anything else, and for a key that is no string (``1`` and ``"1"`` would become one key).
        The message names the place inside the value, like ``body.rows[3]``.
    """
    return _ENCODER.encode(value if _is_plain(value) else _plain(value, "body"))


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_PLAIN_TYPES = frozenset({str, int, bool, type(None)})


def _is_plain(value: Any) -> bool:
    """Whether the value holds nothing but JSON's own types: the common case, four times as fast as `_plain`."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return True
    if kind is float:
        return bool(-math.inf < value < math.inf)
    if kind is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return kind is list and all(_is_plain(item) for item in value)


def _plain(value: Any, place: str) -> Any:
    """The value with nothing but JSON's own types in it."""
    if isinstance(value, Enum):
        return _plain(value.value, place)
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(
                f"{place} is {value}: JSON has no such number; leave it out, or say None and why"
            )
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(
                    f"{place} has the key {key!r} of type {type(key).__name__}: keys must be strings"
                )
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{place} is the naive moment {value}: give it a time zone")
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():  # a NumPy scalar
        return _plain(item(), place)
    raise TypeError(
        f"{place} is a {type(value).__name__}, which has no canonical JSON: turn it into plain values first"
    )


def moment_text(moment: datetime) -> str:
    """An aware moment as fixed-width UTC text, so that text order is time order: ``2013-01-01T05:00:00.000000Z``.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} is a naive moment: give it a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def frame_hash(frame: pd.DataFrame, sort_by: Sequence[str] | str | None = None) -> str:
    """Hash of what a frame says: its column names, values and nulls, ``HEX_DIGITS`` long.

    Independent of the index, of the order of columns, and of how equal values are held: ``int64``, ``Int64`` and a
    float column of whole numbers; second, micro- and nanosecond timestamps; time zones of the same moments; object,
    ``string`` and categorical text; NaN, None, NaT and NA are all "null". A column of nulls only has no type.
    With ``sort_by`` it is independent of the order of rows too, also where those columns do not tell all rows apart.

    Args:
        frame: any frame with distinct string column names.
        sort_by: the columns that order the rows (the key of the grain); None keeps the order given.

    Raises:
        ValueError: column names are not distinct strings, or a column of ``sort_by`` is missing.
    """
    names = list(frame.columns)
    if any(not isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ValueError(f"column names must be distinct strings to be hashed, got {names}")
    columns = {name: _from_series(frame[name]) for name in names}
    return _columns_hash(columns, len(frame), [sort_by] if isinstance(sort_by, str) else list(sort_by or []))


def table_hash(table: pa.Table, sort_by: Sequence[str] = ()) -> str:
    """`frame_hash` of an Arrow table: the same values give the same hash as in a frame.

    Raises:
        ValueError: as `frame_hash`.
    """
    names = table.column_names
    if len(set(names)) != len(names):
        raise ValueError(f"column names must be distinct to be hashed, got {names}")
    columns = {name: _canonical(table.column(name).combine_chunks()) for name in names}
    return _columns_hash(columns, table.num_rows, list(sort_by))


def _columns_hash(canonical: Mapping[str, tuple[str, pa.Array]], rows: int, keys: list[str]) -> str:
    """Hash of canonical columns, their rows ordered by the keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := [key for key in keys if key not in canonical]:
        raise ValueError(f"cannot sort by {missing}: the columns are {sorted(canonical)}")
    kinds = {name: canonical[name][0] for name in sorted(canonical)}
    columns = {name: canonical[name][1] for name in kinds}
    if keys and rows > 1:
        order = pc.sort_indices(
            pa.table({key: columns[key] for key in keys}), [(key, "ascending") for key in keys]
        )
        if _has_ties([columns[key].take(order) for key in keys]):
            # Rows the key does not tell apart would keep the order they came in, so every column orders them.
            rest = [name for name in columns if name not in keys]
            order = pc.sort_indices(pa.table(columns), [(name, "ascending") for name in [*keys, *rest]])
        columns = {name: column.take(order) for name, column in columns.items()}

    digest = hashlib.sha256(_FRAME_DOMAIN + rows.to_bytes(8, "little"))
    for name, column in columns.items():
        one = hashlib.sha256(canonical_json([name, kinds[name]]).encode())
        _feed(one, column)
        digest.update(one.digest())
    return digest.hexdigest()[:HEX_DIGITS]


def _from_series(series: pd.Series) -> tuple[str, pa.Array]:
    """`_canonical` of a pandas column."""
    try:
        array = as_arrow(series)
    except MixedTypes:
        return "mixed", _as_texts(series.tolist())
    return _canonical(array)


def _canonical(array: pa.Array | pa.ChunkedArray) -> tuple[str, pa.Array]:
    """A column as (kind, Arrow array) such that equal values give equal arrays, however they were held."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # no chunk at all, or more than fits into one
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if t.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if array.null_count == len(array):
        return "null", pa.nulls(len(array), pa.int64())
    if t.is_boolean(kind):
        return "boolean", array.cast(pa.uint8())
    if t.is_integer(kind):
        return _whole_numbers(array)
    if t.is_floating(kind):
        return _numbers(array.cast(pa.float64()))
    if t.is_timestamp(kind):
        return _moments(array)
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return "text", array.cast(pa.large_string())
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        return "bytes", array.cast(pa.large_binary())
    if t.is_date(kind):
        return "date", pc.cast(array.cast(pa.date32()), pa.int32()).cast(pa.int64())
    if t.is_duration(kind):
        return "duration", array.cast(pa.duration("ns")).cast(pa.int64())
    return f"other {kind}", _as_texts(array.to_pylist())  # decimals, times of day, lists, structs


def _whole_numbers(array: pa.Array) -> tuple[str, pa.Array]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_uint64(array.type) and pc.max(array).as_py() >= 2**63:
        return "unsigned", array
    return "whole", array.cast(pa.int64())


def _numbers(array: pa.Array) -> tuple[str, pa.Array]:
    """Floats, NaN as null; told as whole numbers when all are, since pandas turns integers with nulls into floats."""
    import numpy as np
    import pyarrow as pa

    values = array.to_numpy(zero_copy_only=False)
    nulls = np.isnan(values)
    filled = np.where(nulls, 0.0, values) + 0.0  # -0.0 equals 0.0
    if bool(np.all((np.abs(filled) <= _EXACT_FLOAT) & (filled == np.rint(filled)))):
        kind = "null" if nulls.all() else "whole"
        return kind, pa.array(filled.astype(np.int64), mask=nulls)
    return "real", pa.array(filled, mask=nulls)


def _moments(array: pa.Array) -> tuple[str, pa.Array]:
    """Timestamps as microseconds since 1970 (UTC, or of a clock without zone); nanoseconds where they carry any."""
    import pyarrow as pa

    zone = "utc" if array.type.tz else "naive"
    try:
        return f"moment {zone} us", array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64())
    except pa.ArrowInvalid:
        return f"moment {zone} ns", array.cast(pa.timestamp("ns", array.type.tz)).cast(pa.int64())


def _as_texts(values: list[Any]) -> pa.Array:
    """Values with no vector form, each as a text that names its type."""
    import pyarrow as pa

    return pa.array([None if _is_null(value) else _tagged(value) for value in values], pa.large_string())


def _is_null(value: Any) -> bool:
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
    )


def _tagged(value: Any) -> str:
    try:
        return f"{type(value).__name__}:{canonical_json(value)}"
    except (TypeError, ValueError):
        return f"{type(value).__name__}:{value!r}"


def _has_ties(ordered: list[pa.Array]) -> bool:
    """Whether two neighbouring rows are equal in all of the sorted columns (nulls count as equal)."""
    import numpy as np
    import pyarrow.compute as pc

    same = np.ones(len(ordered[0]) - 1, dtype=bool)
    for column in ordered:
        equal = pc.fill_null(pc.equal(column[1:], column[:-1]), False).to_numpy(zero_copy_only=False)
        empty = column.is_null().to_numpy(zero_copy_only=False)
        same &= equal | (empty[1:] & empty[:-1])
    return bool(same.any())


def _feed(digest: Any, column: pa.Array) -> None:
    """Give a canonical column to the digest: where its nulls are, then lengths (of texts) and values."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    digest.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type):
        filled = pa.concat_arrays(
            [pc.fill_null(column, "" if pa.types.is_large_string(column.type) else b"")]
        )
        _, offsets, values = filled.buffers()
        start = filled.offset
        ends = np.frombuffer(offsets, dtype=np.int64)[start : start + len(filled) + 1]
        digest.update(np.diff(ends).tobytes())
        if len(ends) and values is not None:
            digest.update(memoryview(values)[int(ends[0]) : int(ends[-1])])
        return
    zero = 0.0 if pa.types.is_floating(column.type) else 0
    digest.update(np.ascontiguousarray(pc.fill_null(column, zero).to_numpy(zero_copy_only=False)).tobytes())
