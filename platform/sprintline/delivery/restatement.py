"""Restatements: what changed when a closed sprint was closed again on other data.

A closing keeps what it closed on (`state_of`), so that the next one can tell the difference. Decisions are not part of
it: they were taken on what was known and stand, whatever is known later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sprintline.base.words import counted_as
from sprintline.delivery.events import RESTATED
from sprintline.learning.metric_names import METRICS
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.events import ATTESTATION
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.monitoring.facts import ScoresFacts

ATTEST_RULE = "DL702"
_TOLD = 4


class Measured(Protocol):
    """What was last measured of one asset (`mechanisms.ledger.records.Measurement`)."""

    @property
    def data_version(self) -> str: ...

    @property
    def facts(self) -> Any: ...


def state_of(measured: Mapping[str, Measured], verdicts: Iterable[Verdict], apart: str) -> dict[str, Any]:
    """What a sprint closes on, small enough for the ledger.

    Args:
        measured: the sprint's measurements by asset.
        verdicts: the sprint's latest.
        apart: the asset that is the closing itself, and so no part of what it closes on.

    Returns:
        tables: [data version, rows or None] by asset. metrics: those of the issued predictions, or None. rules:
        outcome by place, `DQ101 on orders`.
    """
    scores: ScoresFacts | None = measured["scores"].facts if "scores" in measured else None
    metrics: Mapping[str, Any] | None = scores.get("metrics") if scores else None
    return {
        "tables": {
            name: [one.data_version, one.facts.get("rows")]
            for name, one in sorted(measured.items())
            if name != apart
        },
        "metrics": {name: metrics[name] for name in METRICS if name in metrics} if metrics else None,
        "rules": {_place(verdict): str(verdict.outcome) for verdict in verdicts if verdict.asset != apart},
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What differs between two closings of one sprint; each value is [before, after].

    Returns:
        files: digest of the landed file by source. tables: `{"rows": [..], "data_version": [..]}` by asset. metrics:
        by measure. rules: outcome by place. Only what changed is named; None represents what was not there.
    """
    tables_before, tables = before.get("tables") or {}, after.get("tables") or {}
    nothing = [None, None]
    return {
        "files": _pairs(before.get("files") or {}, after.get("files") or {}),
        "tables": {
            name: {
                "rows": [tables_before.get(name, nothing)[1], tables.get(name, nothing)[1]],
                "data_version": [tables_before.get(name, nothing)[0], tables.get(name, nothing)[0]],
            }
            for name in sorted({*tables_before, *tables})
            if tables_before.get(name, nothing)[0] != tables.get(name, nothing)[0]
        },
        "metrics": _pairs(before.get("metrics") or {}, after.get("metrics") or {}),
        "rules": _pairs(before.get("rules") or {}, after.get("rules") or {}),
    }


def restatement_text(sprint: str, body: Mapping[str, Any]) -> str:
    """A restatement in one sentence with its numbers."""
    files, tables = body.get("files") or {}, body.get("tables") or {}
    parts = [
        f"{sprint} was restated: " + (_new(files, body.get("published") or {}) if files else "computed again")
    ]
    counted = {
        name: one["rows"]
        for name, one in tables.items()
        if None not in one["rows"] and one["rows"][0] != one["rows"][1]
    }
    rows = [f"{name} {was:,} → {now:,} rows" for name, (was, now) in sorted(counted.items())]
    parts.append(
        f"{counted_as(len(tables), 'data version')} changed"
        + (f" ({_some(rows)})" if rows else ", no row count did")
    )
    if metrics := body.get("metrics"):
        figures = [
            f"{name.replace('_', ' ')} {_figure(was)} → {_figure(now)}"
            for name, (was, now) in metrics.items()
        ]
        parts.append(", ".join(figures))
    rules = [
        f"{place} {was or 'unjudged'} → {now or 'unjudged'}"
        for place, (was, now) in (body.get("rules") or {}).items()
    ]
    parts.append(_some(rules) if rules else "no rule changed its outcome")
    champion = body.get("champion")
    parts.append(f"the decision is kept{f', champion {champion}' if champion else ''}")
    if stale := body.get("rest_on_it"):
        parts.append(
            f"{', '.join(stale)} still {'rests' if len(stale) == 1 else 'rest'} on the data as it was before"
        )
    if models := body.get("trained_on_it"):
        parts.append(f"so do the models {', '.join(models)}")
    return "; ".join(parts)


def _new(files: Iterable[str], published: Mapping[str, str]) -> str:
    landed = sorted(name for name in files if name not in published)
    read = [f"{name} (published {table})" for name, table in sorted(published.items())]
    told = [f"new file of {', '.join(landed)}"] if landed else []
    return " and ".join([*told, *([f"new rows of {', '.join(read)}"] if read else [])])


def restatements(events: Iterable[Event]) -> dict[str, list[dict[str, Any]]]:
    """Every restatement by sprint, oldest first, with who attested to it.

    A restatement on new files is open until a person attests to the correction (an attestation of `DL702` after it);
    one that follows from another sprint's is no one's to explain: its `attested_by` is empty and `open` is False.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.sprint is None:
            continue
        if event.kind == RESTATED:
            body = dict(event.body)
            one = {
                "event": event.seq,
                "at": event.platform_time.isoformat(),
                "actor": event.actor,
                "open": bool(body.get("files")),
                "attested_by": None,
                "told": restatement_text(event.sprint, body),
                **body,
            }
            found.setdefault(event.sprint, []).append(one)
        elif event.kind == ATTESTATION and event.body.get("code") == ATTEST_RULE:
            for one in found.get(event.sprint, []):
                if one["open"]:
                    one |= {"open": False, "attested_by": event.body.get("attester")}
    return found


def trained_on(
    sprint: str, decisions: Mapping[str, Mapping[str, Any]], sprints: Mapping[str, Sequence[str]]
) -> list[str]:
    """Models that took their training data from a sprint.

    Args:
        sprint: the restated one.
        decisions: body of each decision by its sprint.
        sprints: the sprints a candidate of each closing was trained on.
    """
    return [
        str(body["candidate"])
        for closing, body in sorted(decisions.items())
        if body.get("candidate") and sprint in sprints.get(closing, ())
    ]


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = sorted({*before, *after})
    return {
        name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)
    }


def _place(verdict: Verdict) -> str:
    return f"{verdict.code} on {verdict.asset}" + (f" ({verdict.subject})" if verdict.subject else "")


def _figure(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}"


def _some(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - _TOLD} more" if len(parts) > _TOLD else ""
    return ", ".join(parts[:_TOLD]) + more
