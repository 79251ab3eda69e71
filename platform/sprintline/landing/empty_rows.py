"""The columns that a source brings into the lake, found without a row: its contract's, shaped by sources.py."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from sprintline.base import settings
from sprintline.base.places import shown, team_place
from sprintline.landing.contracts import Contract
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import NotReady, feed_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError, closest, read_yaml
from sprintline.product.runtime import Runtime

_LACKING = re.compile(r"^'?(?P<key>\w+)'?$|\['(?P<listed>\w+)'|has no attribute '(?P<attribute>\w+)'")


@dataclass(frozen=True)
class SourceColumns:
    """What a source's table has in the lake.

    types: logical type by column. contract: under which its rows come. file: the contract's, as messages name it; empty
    for another product's. more: whether it may have columns that are not known here. wrong: a line for a column that
    sources.py reads and the contract does not declare.
    """

    types: Mapping[str, str]
    contract: Contract
    file: str = ""
    lines: Mapping[str, int] | None = None
    more: bool = False
    wrong: str | None = None

    def place(self, column: str) -> str:
        """Where the contract declares a column, as `file:line`; name and version of a contract of another product."""
        line = (self.lines or {}).get(column, 1)
        return (
            f"{self.file}:{line}" if self.file else f"contract {self.contract.name} {self.contract.version}"
        )

    def nearest(self, column: str, text: str) -> str:
        """`file:line declares x` for the column that is most likely meant. text: of the file that reads the other.

        A column that was renamed is not read there yet, so one that the text does not name comes first.
        """
        names = [one.name for one in self.contract.columns]
        # Columns with the row's moments are read as event_at and known_at.
        read = {self.contract.event_at, self.contract.known_at}
        new = [
            name
            for name in names
            if name not in read and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        ]
        near = new[0] if len(new) == 1 else closest(column, new) or closest(column, names)
        return f"{self.place(near)} declares {near}" if near else f"{self.place('')} declares no such column"


def source_columns(runtime: Runtime) -> dict[str, SourceColumns]:
    """Those of every source whose contract can be read, by source."""
    found: dict[str, SourceColumns] = {}
    for source in runtime.spec.sources:
        try:
            if source.contract is None:
                contract = feed_of(runtime, source.name).contract
                types = {**contract.types, "sprint": "string"}
                found[source.name] = SourceColumns(types, contract, more=contract.event_at is None)
            else:
                found[source.name] = _landed(runtime, source.name, source.contract)
        except (NotReady, DeclarationError):
            continue  # reported already
    return found


def _landed(runtime: Runtime, source: str, place: str) -> SourceColumns:
    contract, file = runtime[Contracts][source], runtime.folder / place
    yaml = read_yaml(file.read_text(encoding="utf-8"), place)
    lines = {
        column.name: yaml.line(("schema", 0, "properties", number))
        for number, column in enumerate(contract.columns)
    }
    types = {**contract.types, "sprint": "string"}
    known = SourceColumns(types, contract, shown(file), lines)
    try:
        shape = getattr(runtime.sources, source, None) if runtime.sources else None
    except Exception:  # noqa: BLE001 - the team's own code; a mistake in it is reported where it is loaded
        shape = None
    if shape is None:
        return known
    try:
        shaped = shape(_no_rows(contract))
        extra = {str(name): _logical(shaped[name]) for name in shaped.columns if name not in types}
    except (KeyError, AttributeError) as error:
        return SourceColumns(types, contract, known.file, lines, True, _misread(known, source, error))
    except Exception:  # noqa: BLE001 - code that needs rows says nothing about columns
        return SourceColumns(types, contract, known.file, lines, more=True)
    return SourceColumns({**types, **extra}, contract, known.file, lines)


def _misread(known: SourceColumns, source: str, error: Exception) -> str | None:
    """A line when what failed is the reading of a column that the contract lacks."""
    text = str(error.args[0]) if error.args else ""
    named = _LACKING.search(text)
    column = next((one for one in named.groups() if one), None) if named else None
    frames = [(one.filename, one.lineno or 1) for one in traceback.extract_tb(error.__traceback__)]
    place = team_place(frames)
    if column is None or not place or column in known.types:
        return None
    text = (settings.ROOT / place.rpartition(":")[0]).read_text(encoding="utf-8")
    return (
        f"{place}: {source}() reads the column {column}, which is not in its contract: {known.nearest(column, text)}; "
        f"write the same name in both"
    )


def _no_rows(contract: Contract):  # type: ignore[no-untyped-def]  # pandas is imported when a frame is made
    import pandas as pd
    import pyarrow as pa

    from sprintline.landing.parquet import frame_from_table

    names = contract.column_names
    empty = pa.table({name: pa.array([], pa.null()) for name in names})
    frame = frame_from_table(empty, contract).frame
    return frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(columns=list(names))


def _logical(values) -> str:  # type: ignore[no-untyped-def]  # as above
    from pandas.api import types

    kind = values.dtype
    for fits, logical in (
        (types.is_bool_dtype, "boolean"),
        (types.is_integer_dtype, "integer"),
        (types.is_numeric_dtype, "number"),
        (types.is_datetime64_any_dtype, "timestamp"),
    ):
        if fits(kind):
            return logical
    return "string"
