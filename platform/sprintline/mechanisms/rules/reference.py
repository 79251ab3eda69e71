"""Reference page of measurements: what the assets of each kind record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any, get_args, get_origin, is_typeddict

from sprintline.base.words import table_cell
from sprintline.mechanisms.ledger.bodies import keys_of, spelled
from sprintline.mechanisms.rules.kinds import AssetKind, kinds


def facts_page(_root: Path) -> str:
    """Every kind of asset: what it records, each fact with its place, type and meaning."""
    listed = sorted(kinds().values(), key=lambda kind: kind.name)
    rows = "\n".join(
        f"| [`{kind.name}`](#{kind.name}) | {table_cell(_about(kind.facts))} |" for kind in listed
    )
    parts = [
        "# Measured facts",
        "What assets record, by kind of asset: found as `KINDS` in the `evidence.py` files, typed in the `facts.py` "
        "files. `Runtime.measure` refuses a missing key, an unknown key and a value of another type. Records of older "
        "versions may look different: they are read as they are. In the names, `[]` is any entry of a list and `*` any "
        "key of a mapping.",
        f"| kind | what is recorded |\n|---|---|\n{rows}",
        *(_section(kind) for kind in listed),
    ]
    return "\n\n".join(parts) + "\n"


def meanings(shape: type) -> dict[str, str]:
    """What the docstring of a TypedDict says of each key: `key: meaning` or `one, other: meaning`, a line each."""
    found: dict[str, str] = {}
    for keys, meaning in re.findall(r"^(\w+(?:, \w+)*): (.+(?:\n .+)*)", getdoc(shape) or "", re.MULTILINE):
        found |= dict.fromkeys(keys.split(", "), " ".join(meaning.split()))
    return found


def _about(shape: type) -> str:
    return " ".join((getdoc(shape) or "").partition("\n\n")[0].split())


def _section(kind: AssetKind) -> str:
    table = "\n".join(["| fact | type | meaning |", "|---|---|---|", *_rows(kind.facts, "")])
    return f"## {kind.name}\n\n{_about(kind.facts)}\n\n{table}"


def _rows(shape: type, place: str) -> Iterator[str]:
    meaning = meanings(shape)
    for key, (hint, needed) in keys_of(shape).items():
        name, (inner, below) = f"{place}{key}", record_inside(hint)
        # A record inside is described by the rows below.
        kind = spelled(hint).replace(spelled(inner), "record") if inner else spelled(hint)
        optional = "" if needed else " (optional)"
        yield f"| `{name}`{optional} | `{table_cell(kind)}` | {table_cell(meaning.get(key, ''))} |"
        if inner:
            yield from _rows(inner, f"{name}{below}.")


def record_inside(hint: Any) -> tuple[Any, str]:
    """The TypedDict inside a type, and the way to it: `[]` for each entry of a list, `.*` for each key of a mapping."""
    if is_typeddict(hint):
        return hint, ""
    origin = get_origin(hint)
    step = "[]" if origin is list else ".*" if origin is dict else ""
    for part in get_args(hint):
        inner, below = record_inside(part)
        if inner:
            return inner, step + below
    return None, ""


SECTIONS = {"facts.md": facts_page}
