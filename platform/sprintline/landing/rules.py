"""Rules over what providers drop: judged on a source's asset, a sprint at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, failed, insufficient, need, passed


def _contract(evidence: Mapping[str, Any], _: Any) -> Judgement:
    refused, published = evidence.get("refused"), evidence.get("published")
    if refused and published:
        return failed(f"rows of {published} were refused: {refused}", observed="refused")
    if refused:
        return failed(f"the landed file was refused and lies in quarantine: {refused}", observed="refused")
    rows, contract = need(evidence, "rows"), need(evidence, "contract")
    return passed(f"{rows:,} rows keep contract {contract}", observed=rows)


def _volume(evidence: Mapping[str, Any], _: Any) -> Judgement:
    rows, bounds = need(evidence, "rows"), evidence.get("row_bounds")
    if not bounds or bounds == [None, None]:
        return insufficient(
            f"{rows:,} rows landed, but the contract promises no rowCount to hold them against", rows
        )
    low, high = bounds
    promised = " and ".join(
        told
        for told in (
            f"at least {low:,}" if low is not None else "",
            f"at most {high:,}" if high is not None else "",
        )
        if told
    )
    # What is read of a published table may be a part of the publisher's sprints, which are what was promised.
    volumes = evidence.get("volumes") or {"": rows}
    outside = [
        n for n in volumes.values() if (low is not None and n < low) or (high is not None and n > high)
    ]
    told = ", ".join(
        f"{n:,} rows {f'published for {sprint}' if sprint else 'landed'}" for sprint, n in volumes.items()
    )
    return (failed if outside else passed)(f"{told}; the contract promises {promised}", rows, list(bounds))


def _known(evidence: Mapping[str, Any], _: Any) -> Judgement:
    rows, unknown = need(evidence, "rows"), need(evidence, "rows_without_known_at")
    future = need(evidence, "rows_known_after_landing")
    if unknown or future:
        return failed(
            f"{unknown:,} of {rows:,} rows carry no moment at which they were known, "
            f"{future:,} claim one after the file landed",
            unknown + future,
            0,
        )
    return passed(f"all {rows:,} rows say when they were known, and none after the file landed", 0, 0)


def _complete(evidence: Mapping[str, Any], _: Any) -> Judgement:
    accepted, stored = need(evidence, "rows"), need(evidence, "rows_in_lake")
    expected, found = need(evidence, "data_version"), need(evidence, "data_version_in_lake")
    if accepted != stored or expected != found:
        return failed(
            f"{accepted:,} rows were accepted with content {expected}, the lake holds {stored:,} with {found}",
            stored,
            accepted,
        )
    return passed(f"the lake holds all {stored:,} accepted rows, content {found}", stored, accepted)


KEEPS_ITS_CONTRACT = Rule(
    code="DQ101",
    name="keeps_its_contract",
    judges="source",
    practice="8.2",
    why="Everything downstream is written for the columns, types and keys that the contract promises. "
    "A file that breaks them must stop at the door, where its owner can still be named.",
    remedy="read the reason beside the file in quarantine/, fix the file and drop it into landing/ again",
    judge=_contract,
)

RULES = (
    KEEPS_ITS_CONTRACT,
    Rule(
        code="DQ102",
        name="lands_the_promised_volume",
        judges="source",
        practice="1.5",
        why="A file cut off in transfer is well-formed and passes every other check. Only the number of its "
        "rows shows it.",
        remedy="ask the provider for the missing rows, or change rowCount in the contract with its owner",
        judge=_volume,
    ),
    Rule(
        code="DQ103",
        name="says_when_it_was_known",
        judges="source",
        practice="4.6",
        why="Point-in-time features need the time at which each row was known. A row without it, or "
        "with a time in the future, would leak or be left out.",
        remedy="fix knownAt in the contract or the source's function in sources.py",
        judge=_known,
    ),
    Rule(
        code="DQ104",
        name="lake_holds_what_was_accepted",
        judges="source",
        practice="3.4",
        why="The rows in the lake must be the rows that were checked on landing, or every later "
        "verdict is about data that no contract was checked against.",
        remedy="materialize the source's asset for this sprint again",
        judge=_complete,
    ),
)
