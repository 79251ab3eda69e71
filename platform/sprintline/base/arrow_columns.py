"""A pandas column as an Arrow array, where its values have one Arrow type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class MixedTypes(ValueError):
    """No one Arrow type fits all values of a column, as with texts among numbers; the message is Arrow's."""


def as_arrow(series: pd.Series) -> pa.Array | pa.ChunkedArray:
    """The column as Arrow has it.

    Raises:
        MixedTypes: no one type fits its values. Any other trouble, as when memory is short, is raised as pyarrow does.
    """
    import pyarrow as pa

    # Arrow raises one of these three, depending on the values that it meets first. All mean the same. The name of the
    # last is Arrow's word for a value that it has no type for: nothing is left to implement here.
    no_one_type = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError)
    try:
        return pa.Array.from_pandas(series)
    except no_one_type as error:
        raise MixedTypes(str(error)) from error
