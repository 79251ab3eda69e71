"""Texts of a CSV file as values: one parser per logical type, and the pandas column of the values.

A parser returns the value, or why the text is invalid. Nothing is guessed: a local time that the zone skips or repeats,
a number with a decimal comma, a date in another order are all refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sprintline.base.time_zones import zone_of
from sprintline.landing.contracts import Column
from sprintline.landing.dates import Parsed, read_date, read_timestamp
from sprintline.landing.exact import beyond_64_bits

#: The largest number of 32 bits, in which models calculate.
MOST = 3.4028234663852886e38
BEYOND = "is too large: beyond 3.4e38, the largest number that a model can read"

_INTEGER = re.compile(r"[-+]?\d+(?:\.0+)?")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def convert(distinct: Any, missing: Any, column: Column) -> tuple[list[Any], dict[int, str]]:
    """The value of each distinct text, and why those that have none do not fit, by their index."""
    if column.logical_type == "string":
        return list(distinct), {}
    parse = _parser(column)
    values: list[Any] = []
    reasons: dict[int, str] = {}
    for index, (text, absent) in enumerate(zip(distinct, missing, strict=True)):
        value, reason = (None, None) if absent else parse(text)
        values.append(value)
        if reason:
            reasons[index] = reason
    return values, reasons


def _parser(column: Column) -> Callable[[str], Parsed]:
    if column.logical_type == "timestamp":
        zone = zone_of(column.timezone)
        return lambda text: read_timestamp(text, zone)
    return {"integer": _integer, "number": _number, "boolean": _boolean, "date": read_date}[
        column.logical_type
    ]


def _integer(text: str) -> Parsed:
    if not text.isascii() or not _INTEGER.fullmatch(text):
        return None, "is not a whole number"
    whole = text.partition(".")[0]
    return (
        (None, "is too large for a whole number of 64 bits") if beyond_64_bits(whole) else (int(whole), None)
    )


def _number(text: str) -> Parsed:
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None, "is not a number"
    value = float(text)
    return (value, None) if abs(value) <= MOST else (None, BEYOND)


def _boolean(text: str) -> Parsed:
    value = {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
    return value, None if value is not None else "is not a truth value"


def assemble(values: list[Any], missing: Any, codes: Any, column: Column) -> Any:
    """A column of the contract's pandas type from its distinct values."""
    import numpy as np
    import pandas as pd

    kind = column.logical_type
    if kind in {"string", "date"}:
        pool = np.empty(len(values), dtype=object)
        pool[:] = values
        pool[missing] = pd.NA if kind == "string" else None
        return (
            pd.array(pool[codes], dtype="string")
            if kind == "string"
            else pd.Series(pool[codes], dtype=object)
        )
    filler = {"integer": 0, "number": np.nan, "boolean": False, "timestamp": np.iinfo("int64").min}[kind]
    dtype = {"integer": "int64", "number": "float64", "boolean": "bool", "timestamp": "int64"}[kind]
    pool = np.array(
        [filler if gone else value for value, gone in zip(values, missing, strict=True)], dtype=dtype
    )
    taken = pool[codes]
    if kind == "number":
        return taken
    if kind == "integer":
        return pd.arrays.IntegerArray(taken, missing[codes])
    if kind == "boolean":
        return pd.arrays.BooleanArray(taken, missing[codes])
    return pd.Series(taken.view("datetime64[us]")).dt.tz_localize("UTC")
