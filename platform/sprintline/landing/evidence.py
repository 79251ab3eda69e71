"""Evidence about a source's sprint, for the rules on sources."""

from __future__ import annotations

from sprintline.lake.recorded import lake_versions
from sprintline.lake.tables import Lake
from sprintline.landing.days import moment_columns, undeclared_days
from sprintline.landing.facts import SourceFacts
from sprintline.landing.odcs import Contracts
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.runtime import Runtime


def _source(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    found = runtime.measured(asset, sprint)
    if found is None:
        return NOTHING
    facts: SourceFacts = found.facts
    table, contract = runtime.table(asset), runtime[Contracts].get(asset)
    # For a published table, the contract at the time of reading: the publisher's may have changed since.
    agreed = f"{contract.name} {contract.version}" if contract else facts["contract"]
    bounds = contract.row_bounds if contract else facts["row_bounds"]
    # A column that the contract has only now is not in the rows that landed before.
    there = runtime[Lake].types(table) if contract else {}
    unclear = [name for name in moment_columns(contract) if name in there] if contract else []
    rows = runtime[Lake].read(table, [sprint], columns=["known_at", *unclear], missing_ok=True)
    # Computed from the rows, not cached: a file changed in place keeps its name and size.
    stored = runtime[Lake].data_version(table, sprint, recompute=True)
    return {
        **facts,
        # Only the accepted rows were checked against the contract.
        "contract": agreed if stored == found.data_version else None,
        "row_bounds": list(bounds) if bounds else None,
        "data_version": found.data_version,
        "rows_in_lake": len(rows),
        "data_version_in_lake": stored or "nothing",
        "undeclared_days": undeclared_days(rows, contract) if contract else [],
        "rows_without_known_at": int(rows["known_at"].isna().sum()),
        "rows_known_after_landing": int((rows["known_at"] > facts["landed_by"]).sum()),
    }, stored or ""


KINDS = (
    AssetKind(
        name="source",
        reads="the record of the landing, the contract, and the sprint's partition of the lake, read again",
        assets=lambda runtime: [source.name for source in runtime.spec.sources],
        facts=SourceFacts,
        gather=_source,
        versions=lake_versions,
        label="<source>",
        group="raw",
        about="A source's rows of the sprint, as landed and checked against its contract",
    ),
)
