"""Reports of releases: the model card of the candidate that a sprint trained."""

from __future__ import annotations

from sprintline.learning.card_pages import document
from sprintline.mechanisms.reports.document import Document
from sprintline.mechanisms.reports.report import Per, Report
from sprintline.product.runtime import Runtime
from sprintline.release.cards import read_card
from sprintline.release.facts import CandidateFacts


def gather_card(runtime: Runtime, sprint: str | None) -> Document | None:
    """The card of a sprint's candidate; None when none was trained."""
    measured = runtime.measured("candidate", sprint or "")
    facts: CandidateFacts | None = measured.facts if measured else None
    model_id = facts.get("model_id") if facts else None
    card = read_card(runtime, model_id) if model_id else None
    return document(card) if card else None


REPORTS = (Report("model_card", "Model card", Per.SPRINT, gather_card),)
