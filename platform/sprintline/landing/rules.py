"""Rules over what providers drop: judged on a source's asset, a sprint at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed


def _contract(evidence: Mapping[str, Any], _: Any) -> Judgement:
    refused, published = evidence.get("refused"), evidence.get("published")
    if refused and published:
        return failed(f"rows of {published} were refused: {refused}", observed="refused")
    if refused:
        return failed(f"the landed file was refused and is in quarantine: {refused}", observed="refused")
    rows, contract = need(evidence, "rows"), need(evidence, "contract")
    return passed(f"{rows:,} rows keep contract {contract}", observed=rows)


def _volume(evidence: Mapping[str, Any], _: Any) -> Judgement:
    rows, bounds = need(evidence, "rows"), evidence.get("row_bounds")
    if not bounds or bounds == [None, None]:
        return insufficient(
            f"{rows:,} rows landed, but the contract has no rowCount to compare them with", rows
        )
    low, high = bounds
    promised = " and ".join(
        limit
        for limit in (
            f"at least {low:,}" if low is not None else "",
            f"at most {high:,}" if high is not None else "",
        )
        if limit
    )
    # The rows read from a published table may be a part of the publisher's sprints; the promise is about those.
    volumes = evidence.get("volumes") or {"": rows}
    outside = [
        n for n in volumes.values() if (low is not None and n < low) or (high is not None and n > high)
    ]
    counts = ", ".join(
        f"{n:,} rows {f'published for {sprint}' if sprint else 'landed'}" for sprint, n in volumes.items()
    )
    return (failed if outside else passed)(f"{counts}; the contract promises {promised}", rows, list(bounds))


def _known(evidence: Mapping[str, Any], _: Any) -> Judgement:
    rows, unknown = need(evidence, "rows"), need(evidence, "rows_without_known_at")
    future = need(evidence, "rows_known_after_landing")
    if unknown or future:
        return failed(
            f"{unknown:,} of {rows:,} rows do not say when they were known, "
            f"{future:,} say a moment after the file landed",
            unknown + future,
            0,
        )
    return passed(f"all {rows:,} rows say when they were known, and none after the file landed", 0, 0)


def _days(evidence: Mapping[str, Any], _: Any) -> Judgement:
    found, rows = need(evidence, "undeclared_days"), need(evidence, "rows")
    if found:
        return failed(
            f"in {rows:,} rows every value of {', '.join(found)} is a midnight, and the contract does not say "
            f"whether that is a day: it was taken as known at the day's end",
            len(found),
            0,
        )
    return passed(
        f"in {rows:,} rows no column of moments has midnights only without saying what they are", 0, 0
    )


def _complete(evidence: Mapping[str, Any], _: Any) -> Judgement:
    accepted, stored = need(evidence, "rows"), need(evidence, "rows_in_lake")
    expected, found = need(evidence, "data_version"), need(evidence, "data_version_in_lake")
    if accepted != stored or expected != found:
        return failed(
            f"{accepted:,} rows were accepted with content {expected}, the lake has {stored:,} with {found}",
            stored,
            accepted,
        )
    return passed(f"the lake has all {stored:,} accepted rows, content {found}", stored, accepted)


KEEPS_ITS_CONTRACT = Rule(
    code="DQ101",
    name="keeps_its_contract",
    judges="source",
    practice="8.2",
    why="Everything downstream is written for the columns, types and keys that the contract promises. "
    "A file that breaks them must be stopped at the landing, where its provider is known.",
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
        why="A file cut off in transfer is well-formed and keeps every other promise. Only its number of rows "
        "shows it.",
        remedy="ask the provider for the missing rows, or change rowCount in the contract with its owner",
        judge=_volume,
    ),
    Rule(
        code="DQ103",
        name="says_when_it_was_known",
        judges="source",
        practice="4.6",
        why="Point-in-time features need the moment at which each row was known. A row without it, or with one in the "
        "future, would be lost or leak the future.",
        remedy="fix knownAt in the contract or the source's function in sources.py",
        judge=_known,
    ),
    Rule(
        code="DQ105",
        name="says_whether_midnights_are_days",
        judges="source",
        practice="4.6",
        severity=Severity.WARN,
        why="A day that is written with a midnight was known at its end. Counted from 00:00, it would answer questions "
        "asked on that day with what was not known yet. Without a declaration, sprints whose rows happen to be all at "
        "midnight would be read otherwise than the others.",
        remedy="write at the column in the contract, under customProperties: {property: resolution, value: day}, or "
        "moment",
        judge=_days,
    ),
    Rule(
        code="DQ104",
        name="lake_holds_what_was_accepted",
        judges="source",
        practice="3.4",
        why="The rows in the lake must be the rows that were checked at the landing. Otherwise every later verdict is "
        "about other data than those that were checked against the contract.",
        remedy="materialize the source's asset for this sprint again",
        judge=_complete,
    ),
)
