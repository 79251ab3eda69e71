"""Columns that the writing program put into a file: the row numbers of a data frame. They are no data.

pandas writes a frame's index unless it is told not to: into Parquet as ``__index_level_0__``, into CSV as a first
column without a name, which becomes ``Unnamed: 0`` when the file is read and written once more. The next extract has
other numbers, or none. A column counts as such a one only while it has whole numbers: an index of dates is data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_INDEX = re.compile(r"__index_level_\d+__|__null_dask_index__|Unnamed: \d+(_level_\d+)?|\.\.\.1")
_WHOLE = re.compile(r"\d{1,18}")


def is_index(name: str, place: int, texts: Sequence[str]) -> bool:
    """Whether a CSV column is a frame's index.

    place: its place in the header, from 0. texts: its values.
    """
    if not _INDEX.fullmatch(name) and (name.strip() or place):
        return False
    return all(map(_WHOLE.fullmatch, texts))


def index_columns(schema: pa.Schema) -> list[str]:
    """Names of the columns of a Parquet file that are a frame's index."""
    import pyarrow as pa

    described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    own = {
        name for name in described.get("index_columns", ()) if name == "index"
    }  # fastparquet's name for it
    return [
        field.name
        for field in schema
        if (_INDEX.fullmatch(field.name) or field.name in own) and pa.types.is_integer(field.type)
    ]
