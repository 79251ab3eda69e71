"""Scope: what one verdict or measurement is about. Mostly a sprint; also a release, a grant, a data subject, ..."""

from __future__ import annotations

from dataclasses import dataclass

SPRINT = "sprint"
"""The kind of scope that the calendar knows."""


@dataclass(frozen=True, order=True)
class Scope:
    """What a rule is judged for.

    Attributes:
        kind: what sort of thing: `sprint`, or a name that a kind of asset gives (`release`, `grant`, `subject`).
        key: which one of its kind: `2013-S07`, `g-17`. No personal data: it stays in the records for good.

    Raises:
        ValueError: the kind or the key is empty.
    """

    kind: str
    key: str

    def __post_init__(self) -> None:
        if not self.kind or not self.key:
            raise ValueError(f"a scope needs a kind and a key, not {self.kind!r} and {self.key!r}")

    @classmethod
    def sprint(cls, key: str) -> Scope:
        """The scope of a sprint."""
        return cls(SPRINT, key)

    @classmethod
    def of(cls, place: Scope | str) -> Scope:
        """The scope itself; a bare key is a sprint's."""
        return cls.sprint(place) if isinstance(place, str) else place

    def __str__(self) -> str:
        """`2013-S07` for a sprint, else with the kind: `grant g-17`."""
        return self.key if self.kind == SPRINT else f"{self.kind} {self.key}"


def sprint_of(scope: Scope) -> str:
    """Key of the sprint that a scope is. Raises ValueError for any other scope."""
    if scope.kind != SPRINT:
        raise ValueError(f"{scope} is not a sprint")
    return scope.key
