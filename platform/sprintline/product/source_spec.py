"""What a team declares about a source: a landed file under a contract, or a table that another product publishes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from sprintline.mechanisms.declaration.spec import Cross, Spec
from sprintline.mechanisms.declaration.types import AcceptedVersion, ContractPath, Name

VERSION = re.compile(r"\d+\.\d+\.\d+")
"""A contract version that a reader can name."""


class PublishedTable(Spec):
    """A lake table of this product that other products may read, and the contract under which they read it."""

    table: Name = Field(
        description="a source, a feature view, question_features or predictions", examples=["departures"]
    )
    contract: ContractPath = Field(
        description="the contract's file; readers name its version", examples=["contracts/departures.yaml"]
    )


class PublishedRef(Spec):
    """A table that another product publishes, and the contract versions that this product can read."""

    product: Name = Field(description="the product that publishes the table", examples=["flight_delays"])
    table: Name = Field(description="the published table", examples=["departures"])
    version: AcceptedVersion = Field(
        description='one contract version, or "^1" for each that is compatible with 1', examples=["^1"]
    )

    def accepts(self, version: str) -> bool:
        """Whether a contract version is the declared one, or compatible with it: same major version, not older.

        Below 1.0 every minor version may break its readers, so one that is named has to be the same as well.
        """
        if not self.version.startswith("^"):
            return version == self.version
        least = [int(part) for part in self.version[1:].split(".")]
        found = [int(part) for part in version.split(".")] if VERSION.fullmatch(version) else []
        same = least[:2] if least[0] == 0 else least[:1]
        return bool(found) and found[: len(same)] == same and found >= least


class SourceSpec(Spec):
    """A source: files that land once a sprint under a contract, or a table that another product publishes."""

    name: Name = Field(
        description="name of the source, and of its folder under landing", examples=["departures"]
    )
    contract: ContractPath | None = Field(
        default=None,
        description="of files that land: the contract's file",
        examples=["contracts/departures.yaml"],
    )
    published: PublishedRef | None = Field(
        default=None,
        description="instead of files that land: a table that another product publishes",
        examples=[{"product": "flight_delays", "table": "departures", "version": "^1"}],
    )
    description: str = Field(
        default="", description="what the source contains", examples=["Flights as they left"]
    )

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """Its rows come from one place: from files under a contract, or from another product."""
        if raw.get("contract") is None and raw.get("published") is None:
            right = "add the contract's file, or `published` with a table of another product"
            yield ("contract",), "is missing", right
        elif raw.get("contract") is not None and raw.get("published") is not None:
            right = "remove `contract`: the publisher's contract applies; or remove `published` if files land"
            yield ("published",), "is given beside `contract`, so the rows would come from two places", right
