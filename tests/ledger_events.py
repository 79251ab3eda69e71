"""Events for tests that need some event, or one of whose keys only a few matter."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, is_typeddict

from sprintline.mechanisms.backlog.events import RECOVERED as NOTE
from sprintline.mechanisms.ledger.bodies import keys_of
from sprintline.mechanisms.ledger.events import catalogue

__all__ = ["NOTE", "body", "filled", "note"]

_EMPTY: Mapping[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, list: [], dict: {}}


def note(number: object = 0) -> dict[str, Any]:
    """The body of an event of the kind `NOTE`: any event will do, and this kind has the smallest body."""
    return {"item": str(number)}


def body(kind: str, /, **said: Any) -> dict[str, Any]:
    """A body that fits the kind: what is said, and an empty value of the right type for every other required key."""
    return filled(catalogue()[kind].body, said)


def filled(shape: type, said: Mapping[str, Any]) -> dict[str, Any]:
    """A value of a TypedDict: what is said, and an empty value of the right type for every other required key."""
    return {key: _least(hint) for key, (hint, needed) in keys_of(shape).items() if needed} | dict(said)


def _least(hint: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return filled(hint, {})
    if type(None) in parts:
        return None
    if origin is Literal:
        return parts[0]
    return _EMPTY[origin or hint]
