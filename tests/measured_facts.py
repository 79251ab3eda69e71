"""Facts for tests that need some measurement, or one of whose keys only a few matter."""

from typing import Any

from tests.ledger_events import filled

from sprintline.mechanisms.rules.kinds import kinds

__all__ = ["facts"]


def facts(kind: str, /, **said: Any) -> dict[str, Any]:
    """Facts that fit the kind: what is said, and an empty value of the right type for every other required key."""
    return filled(kinds()[kind].facts, said)
