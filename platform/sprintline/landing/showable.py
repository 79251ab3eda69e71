"""Which columns of a product's rows a page may show: what its contracts classify as personal or confidential is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.landing.odcs import Contracts
from sprintline.landing.published import NotReady, feed_of

if TYPE_CHECKING:
    from sprintline.landing.contracts import Contract
    from sprintline.product.runtime import Runtime


@dataclass(frozen=True)
class Showable:
    """Names of columns whose values may be shown: `name in showable`.

    Where no contract hides a column, these are all. Where one does, SQL may give its values another name, so only
    columns that a contract declares, and none hides, are shown.

    Attributes:
        declared: columns that a contract declares.
        hidden: of these, the ones that a contract classifies as personal or confidential.
        moments: whether the moment of a question is no hidden column's value.
        known: whether every contract could be read. Without one of them nothing is shown.
    """

    declared: frozenset[str]
    hidden: frozenset[str]
    moments: bool = True
    known: bool = True

    @classmethod
    def of(cls, runtime: Runtime) -> Showable:
        """What may be shown of a product's rows, by the contracts of all of its sources."""
        contracts: list[Contract] = list(runtime[Contracts].values())
        known = True
        for source in runtime.spec.read:
            try:
                contracts.append(feed_of(runtime, source).contract)
            except NotReady:
                known = False
        hidden = {name for one in contracts for name in one.hidden_columns}
        return cls(
            declared=frozenset(name for one in contracts for name in one.column_names),
            hidden=frozenset(hidden),
            moments=known and not any(one.event_at in hidden for one in contracts if one.event_at),
            known=known,
        )

    def __contains__(self, name: object) -> bool:
        if not self.known or name in self.hidden:
            return False
        return not self.hidden or name in self.declared
