"""A statement that a high score is no leak holds for the same inputs, up to about the same score, while it lasts."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.events import ATTESTATION
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.release.evidence import _plausible_by

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def facts(area: float | None, *inputs: str) -> dict[str, Any]:
    return {"inputs": list(inputs), "by_model": {"candidate": {"roc_auc": area}}}


def runtime(about: str | None = "m1", code: str = "ML412", expires: str = "") -> Any:
    body = {
        "code": code, "asset": "candidate", "attester": "sam@example.org", "claim": "the gauge is read at the gate",
        "evidence": "docs/gauge.md", "expires": expires, "about": about,
    }  # fmt: skip
    event = SimpleNamespace(kind=ATTESTATION, body=body, sprint="2026-S03", seq=9)
    assert {"kind", "body", "sprint", "seq"} <= set(Event.__dataclass_fields__)
    then = SimpleNamespace(data_version="m1", facts=facts(0.96, "gauge", "weekday"))
    return SimpleNamespace(
        product="parcels", clock=SimpleNamespace(now=lambda: NOW), history=lambda asset: {"2026-S03": then},
        records=SimpleNamespace(events=lambda product, kind: [event]),
    )  # fmt: skip


def test_it_holds_for_the_same_inputs_and_about_the_same_score():
    assert _plausible_by(runtime(), facts(0.97, "weekday", "gauge")) == "sam@example.org"
    assert _plausible_by(runtime(expires="2026-03-01"), facts(0.96, "weekday", "gauge")) == "sam@example.org"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("said", "candidate"),
    [
        (runtime(), facts(0.99, "gauge", "weekday")),
        (runtime(), facts(0.96, "gauge")),
        (runtime(), facts(0.96, "gauge", "weekday", "gate")),
        (runtime(), facts(None, "gauge", "weekday")),
        (runtime(about="another"), facts(0.96, "gauge", "weekday")),
        (runtime(about=None), facts(0.96, "gauge", "weekday")),
        (runtime(code="DL702"), facts(0.96, "gauge", "weekday")),
        (runtime(expires="2026-02-28"), facts(0.96, "gauge", "weekday")),
    ],
    ids=["better", "fewer inputs", "another input", "no score", "another model", "no model", "another rule", "expired"],
)  # fmt: skip
def test_it_holds_for_nothing_else(said, candidate):
    assert _plausible_by(said, candidate) is None


def test_the_rule_passes_with_it_and_says_who():
    evidence = {
        **facts(0.96), "judged": "2026-S04", "importance": {"gauge": 0.45}, "plausible_by": "sam@example.org",
    }  # fmt: skip
    found = all_rules()["ML412"](evidence)
    assert found.outcome == "pass" and "sam@example.org stated that this is no leak" in found.sentence
    assert all_rules()["ML412"]({**evidence, "plausible_by": None}).outcome == "fail"
