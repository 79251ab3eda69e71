"""Typed bodies of ledger events and measured facts: does a JSON value fit a TypedDict, and if not, where and what is
expected.

Written with `typing` alone: pydantic takes longer to import than most commands take to run.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

_PLAIN: Mapping[Any, str] = {
    str: "str", int: "int", float: "float", bool: "bool", type(None): "None", Any: "any JSON value"
}  # fmt: skip
_WRAPPERS = (Annotated, Required, NotRequired)


@cache
def keys_of(shape: type) -> dict[str, tuple[Any, bool]]:
    """Every key of a TypedDict with its type and whether it must be there."""
    optional: frozenset[str] = getattr(shape, "__optional_keys__", frozenset())
    found = {}
    for key, hint in get_type_hints(shape, include_extras=True).items():
        # With postponed annotations, Python itself does not see NotRequired inside a TypedDict.
        needed = get_origin(hint) is Required or (key not in optional and get_origin(hint) is not NotRequired)
        found[key] = (_bare(hint), needed)
    return found


def spelled(hint: Any) -> str:
    """A type as people read it: `list[str]`, `str | None`, `"done" | "undone"`.

    Raises:
        TypeError: JSON has no such type, so no body can have it.
    """
    hint = _bare(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        keys = (
            f"{key}{'' if needed else '?'}: {spelled(one)}" for key, (one, needed) in keys_of(hint).items()
        )
        return f"{{{', '.join(keys)}}}"
    if origin in (Union, types.UnionType):
        return " | ".join(spelled(one) for one in parts)
    if origin is Literal:
        return " | ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in parts)
    if origin in (list, tuple) and Ellipsis not in parts:
        return f"{origin.__name__}[{', '.join(spelled(one) for one in parts)}]"
    if origin is dict and parts[0] is str:
        return f"dict[str, {spelled(parts[1])}]"
    if hint in _PLAIN:
        return _PLAIN[hint]
    raise TypeError(
        f"{hint} is not a type of JSON values: use {', '.join(_PLAIN.values())}, list, dict or TypedDict"
    )


def mistakes(value: Any, hint: Any, place: str = "") -> list[str]:
    """What keeps a JSON value from being of a type; empty when it is.

    Each mistake names the key as a path (`given_up.seq`) and what is expected there.
    """
    hint = _bare(hint)
    origin, parts = get_origin(hint), get_args(hint)
    found: list[str] = []
    if is_typeddict(hint) and isinstance(value, dict):
        for key, (one, needed) in keys_of(hint).items():
            where = f"{place}.{key}" if place else key
            if key in value:
                found += mistakes(value[key], one, where)
            elif needed:
                found.append(f"key `{where}` is missing, expected {spelled(one)}")
        for key in value.keys() - keys_of(hint).keys():
            where = f"{place}.{key}" if place else key
            found.append(f"key `{where}` is unknown, expected only {', '.join(keys_of(hint))}")
        return sorted(found)
    if origin in (Union, types.UnionType):
        others = [one for one in parts if one is not type(None)]
        if len(others) == 1 and isinstance(
            value, dict | list
        ):  # its own mistakes say more than that it is not None
            return mistakes(value, others[0], place)
        fits = any(not mistakes(value, one) for one in parts)
    elif origin is Literal:
        fits = any(value == one and type(value) is type(one) for one in parts)
    elif origin is tuple and isinstance(value, list) and len(value) == len(parts):
        pairs = zip(value, parts, strict=True)
        return [told for i, (one, kind) in enumerate(pairs) for told in mistakes(one, kind, f"{place}[{i}]")]
    elif origin is list and isinstance(value, list):
        return [told for i, one in enumerate(value) for told in mistakes(one, parts[0], f"{place}[{i}]")]
    elif origin is dict and isinstance(value, dict):
        return [told for key, one in value.items() for told in mistakes(one, parts[1], f"{place}.{key}")]
    else:
        fits = _is_plainly(value, hint)
    return [] if fits else [f"key `{place}` is {_shown(value)}, expected {spelled(hint)}"]


def _bare(hint: Any) -> Any:
    while get_origin(hint) in _WRAPPERS:
        hint = get_args(hint)[0]
    return hint


def _is_plainly(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is float:  # JSON does not tell 1 from 1.0
        return type(value) in (int, float)
    return type(value) is hint  # True is an int to isinstance


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
