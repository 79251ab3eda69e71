"""A decision in the ledger, as tests need it: what is not given is neutral."""

from __future__ import annotations

from tests.ledger_events import body as fitting

from sprintline.product.runtime import Runtime


def decided(runtime: Runtime, sprint: str, champion: str | None, **more: object) -> None:
    body = {
        "sprint": sprint, "trigger": None, "decision": "none", "champion_before": champion, "champion_after": champion,
        "candidate": None, "trained_through": None, "why": "nothing to decide", "evidence": {}, **more,
    }  # fmt: skip
    runtime.records.append(
        "decision", runtime.product, sprint, "test", fitting("decision", **body), key=sprint
    )
