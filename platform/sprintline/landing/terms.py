"""What closed sprints landed under: the key of a contract and its moments, held against the contract as it is now.

Rows are told apart by the key and filed by the moment at which they happened. Under other ones, rows of closed and open
sprints would be the same row twice, or in no sprint, though each file keeps its contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sprintline.base.places import shown
from sprintline.landing.contracts import Contract
from sprintline.landing.facts import Terms
from sprintline.landing.odcs import Contracts
from sprintline.mechanisms.declaration.located_yaml import DeclarationError, KeyPath, read_yaml
from sprintline.product.bounds import INCREMENT
from sprintline.product.runtime import Runtime

TERMS: Final = "terms"
"""Fact of a landed source: `Terms`."""


def terms_of(contract: Contract) -> Terms:
    """The terms of a contract as it is declared now."""
    event = next((one for one in contract.columns if one.name == contract.event_at), None)
    return {
        "version": contract.version,
        "key": list(contract.key),
        "event_at": contract.event_at,
        "known_at": contract.known_at,
        "zone": event.timezone if event else contract.timezone,
    }


def changed_terms(runtime: Runtime, quick: bool = False) -> Iterator[str]:
    """A line for each contract whose key or moments are others than those of the newest closed sprint.

    A new major version declares that rows from now on are others. quick: leaves out what has to be read in the lake.
    """
    newest = runtime.newest(INCREMENT)
    if newest is None:
        return
    sprint = newest[0]
    measured = runtime.records.measurements(runtime.product, sprint)
    for source, place in runtime.spec.contracts.items():
        recorded = measured.get((sprint, source))
        then: Terms | None = recorded.facts.get(TERMS) if recorded else None
        try:
            contract = runtime[Contracts][source]
        except DeclarationError:
            return  # reported already
        if then is not None and _major(contract.version) != _major(then["version"]):
            continue
        if then is not None and (changed := _first_change(then, terms_of(contract))):
            what, path, was, now = changed
            yield (
                f"{_at(runtime, place, path)}: {sprint} closed on rows of {source} by the {what} {was}, and it is now "
                f"{now}: put it back, or give the contract a new major version, from which on rows are others "
                f"({_next(contract.version)})"
            )
        elif not quick:
            yield from _changed_types(runtime, source, place, contract)


def _first_change(then: Terms, now: Terms) -> tuple[str, KeyPath, str, str] | None:
    if then["key"] != now["key"]:
        return "key", ("schema", 0, "properties"), " + ".join(then["key"]), " + ".join(now["key"]) or "none"
    for name, what in (("event_at", "moment eventAt"), ("known_at", "moment knownAt"), ("zone", "time zone")):
        was, new = then[name], now[name]  # type: ignore[literal-required]
        if was != new:
            return what, ("customProperties",), str(was or "of sources.py"), str(new or "that of sources.py")
    return None


def _changed_types(runtime: Runtime, source: str, place: str, contract: Contract) -> Iterator[str]:
    from sprintline.lake.tables import Lake, LakeError
    from sprintline.landing.parquet import logical_type

    try:
        kept = runtime[Lake].types(runtime.table(source))
    except LakeError:
        return  # reported where it is read
    for number, column in enumerate(contract.columns):
        kind = logical_type(kept[column.name]) if column.name in kept else None
        if (
            kind is None
            or kind == column.logical_type
            or {kind, column.logical_type} == {"integer", "number"}
        ):
            continue
        yield (
            f"{_at(runtime, place, ('schema', 0, 'properties', number))}: closed sprints have {column.name} of "
            f"{source} as "
            f"{kind}, and it is declared as {column.logical_type}: put it back, or land the new values in a column of "
            f"another name beside it"
        )


def _at(runtime: Runtime, place: str, path: KeyPath) -> str:
    file = runtime.folder / place
    return f"{shown(file)}:{read_yaml(file.read_text(encoding='utf-8'), place).line(path)}"


def _major(version: str) -> str:
    return version.partition(".")[0]


def _next(version: str) -> str:
    major = _major(version)
    return f"version: {int(major) + 1}.0.0" if major.isdigit() else "as version: 2.0.0"
