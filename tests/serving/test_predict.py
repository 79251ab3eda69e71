"""Predictions are issued by the release that the ledger names, and judged against it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from tests.ledger_events import body as fitting

from sprintline.learning.bundles import MANIFEST, ReleaseError
from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime
from sprintline.release.live import live
from sprintline.serving import evidence
from sprintline.serving.predict import predict


@pytest.fixture
def decided(flights: Runtime) -> Runtime:
    body = {
        "decision": "bootstrap", "candidate": "m1", "champion_before": None, "champion_after": "m1", "why": "w",
        "release_digest": "d" * 64,
    }  # fmt: skip
    said = fitting("decision", **body)
    flights.records.append("decision", flights.product, "2013-S01", "test", said, key="2013-S01")
    return flights


@pytest.mark.fault
def test_a_release_whose_digest_is_not_in_the_ledger_answers_nothing(decided):
    folder = decided[Models].releases / "m1"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps({"model_id": "m1"}))
    assert decided[Models].release("m1").model_id == "m1", "opened by its name alone, nobody would notice"
    with pytest.raises(ReleaseError):
        predict(decided, live(decided, "2013-S02"), pd.DataFrame())


@pytest.mark.parametrize(("sprint", "model"), [("2013-S01", None), ("2013-S02", "m1")])
def test_evidence_names_the_model_that_was_live_before_the_sprint(decided, monkeypatch, sprint, model):
    monkeypatch.setattr(evidence, "question_ids", lambda runtime, sprint: {"a", "b"})
    decided.measure("predictions", sprint, "none", {"rows": 0, "champion": None})
    found, version = evidence.KINDS[0].gather(decided, "predictions", sprint)
    assert (found["live"], found["questions"], version) == (model, 2, evidence.NOTHING_ISSUED)
