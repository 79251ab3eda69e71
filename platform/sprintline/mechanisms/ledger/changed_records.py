"""What gates and events say of verdicts and measurements that were changed, and of those they are based on.

The log by which changes are found is in `seals.py`. These types are apart from it, so that rules, gates and event
bodies load no database library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from sprintline.mechanisms.rules.scope import Scope

VERDICT, MEASUREMENT = "verdict", "measurement"
RESTS_ON = "rests_on"
"""Key of an event's body that says what it is based on."""


class RestsOn(TypedDict):
    """What a closing or a decision is based on. digest: of its sprint's latest verdicts and of its measurements, of
    which there were so many. seal, seal_hash: the end of the log of writes at that moment.
    """

    verdicts: int
    measurements: int
    digest: str
    seal: int
    seal_hash: str


@dataclass(frozen=True)
class Changed:
    """A verdict or measurement that is not as it was written.

    Attributes:
        product, scope: whose, and of which sprint or other scope.
        kind: `verdict` or `measurement`.
        what: `changed`, `deleted` or `added`.
        of: `DQ101 on orders` of a verdict, the asset of a measurement.
        row: the verdict's number, the measurement's asset.
        counts: whether it is the latest of its place, so that gates read it or would have.
    """

    product: str
    scope: Scope
    kind: str
    what: str
    of: str
    row: str
    counts: bool = True

    @property
    def sentence(self) -> str:
        """The finding in words, without what to do."""
        how = "without the platform" if self.what == "added" else "after it was recorded"
        return f"the {self.kind} {'' if self.kind == VERDICT else 'of '}{self.of} was {self.what} {how}"

    @property
    def where(self) -> str:
        """Product and scope: `parcels 2026-S03`."""
        return f"{self.product} {self.scope}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "product": self.product, "scope": str(self.scope), "kind": self.kind, "what": self.what, "of": self.of,
            "row": self.row, "counts": self.counts,
        }  # fmt: skip
