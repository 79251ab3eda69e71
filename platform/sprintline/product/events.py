"""Ledger events of a sprint: trigger, decision, closing, and its runs that failed.

They are written by higher subjects (`release/`, `delivery/`) and are here because `product/past.py` reads them for
every subject.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from sprintline.mechanisms.ledger.changed_records import RestsOn
from sprintline.mechanisms.ledger.events import EventKind

TRIGGER, DECISION, CLOSED = "trigger", "decision", "closed"
RUN_FAILED, RUN_RECOVERED, RETRIED = "run_failed", "run_recovered", "retried"
REPAIRED = "repaired"

TriggerKind = Literal["bootstrap", "new_data", "drift", "weak_champion"]


class TriggerBody(TypedDict):
    """numbers: what the reason was decided on."""

    kind: TriggerKind
    why: str
    numbers: dict[str, Any]


class DecisionEvidence(TypedDict, total=False):
    """data_version: of the candidate. verdicts: outcome by rule code, as the gate read them."""

    data_version: str
    verdicts: dict[str, str]


class DecisionBody(TypedDict):
    """champion_before, champion_after, candidate: model ids. trained_through: newest sprint of its training data.
    release_digest: of the release that serves from now on. rests_on: verdicts and measurements of the sprint that it
    was taken on; older decisions do not say.
    """

    sprint: str
    trigger: TriggerKind | None
    decision: Literal["none", "bootstrap", "promote", "hold"]
    champion_before: str | None
    champion_after: str | None
    candidate: str | None
    trained_through: str | None
    why: str
    release_digest: NotRequired[str | None]
    evidence: DecisionEvidence
    rests_on: NotRequired[RestsOn]


class ClosedBody(TypedDict):
    """tables: data version and rows by asset. metrics: of the issued predictions. rules: outcome by place.
    files: digest by source. missing, needs: what keeps the sprint from being Done, as sentences and as `CODE on asset`.
    version: hash of all data versions. rests_on: verdicts and measurements of the sprint; older closings do not say.
    judged_at: the platform's time, in events older than `as_of`.
    """

    tables: dict[str, tuple[str, int | None]]
    metrics: dict[str, float | None] | None
    rules: dict[str, str]
    files: dict[str, str]
    done: bool
    missing: list[str]
    needs: list[str]
    version: str
    rests_on: NotRequired[RestsOn]
    judged_at: NotRequired[str]


class RunFailedBody(TypedDict):
    """run: Dagster's id. job: what the run executed. step: at which it failed, empty before the first. error: why, in
    one line. place: `file:line` of the team's code, empty when none is known. started_by: the sensor, or `person`.
    tried: code and retries it was tried with, empty for a run that no sensor started.
    """

    run: str
    job: str
    step: str
    error: str
    place: str
    started_by: str
    tried: str


class RunRecoveredBody(TypedDict):
    """failed: the run that had failed. run: the later one that did what failed."""

    failed: str
    run: str


class RetriedBody(TypedDict):
    """failed: the run that had failed. error: why, with its place."""

    failed: str
    error: str


class RepairedBody(TypedDict):
    """store: what was repaired: `lake`, `warehouse`, `online store` or `MLflow`. what: how it differed from what was
    recorded, a sentence each. how: what was done.
    """

    store: str
    what: list[str]
    how: str


EVENTS = (
    EventKind(
        TRIGGER,
        TriggerBody,
        "Why a candidate is trained when a sprint closes, with the numbers.",
        written_by=("release.promotion",),
        read_by=("product.past", "delivery.status"),
    ),
    EventKind(
        DECISION,
        DecisionBody,
        "Which model is champion after a sprint, and why. One per sprint.",
        written_by=("release.promotion",),
        read_by=("product.past", "delivery.status"),
    ),
    EventKind(
        CLOSED,
        ClosedBody,
        "A sprint was closed: what it was closed on, whether it is Done, and what is missing.",
        written_by=("delivery.closing",),
        read_by=(
            "product.past",
            "landing.published",
            "governance.decide",
            "delivery.closing",
            "delivery.sensors",
            "delivery.recorded",
            "delivery.status",
            "faults.commands",
            "product.failed",
        ),
    ),
    EventKind(
        RUN_FAILED,
        RunFailedBody,
        "A run of a sprint failed.",
        written_by=("delivery.sensors",),
        read_by=("product.failed",),
    ),
    EventKind(
        RUN_RECOVERED,
        RunRecoveredBody,
        "A later run of the sprint did what had failed.",
        written_by=("delivery.sensors",),
        read_by=("product.failed",),
    ),
    EventKind(
        RETRIED,
        RetriedBody,
        "A person asked that a sprint whose run failed is tried again.",
        written_by=("delivery.retry",),
        read_by=("product.failed", "product.tries"),
    ),
    EventKind(
        REPAIRED,
        RepairedBody,
        "A store differed from what was recorded, and what was recorded was put back.",
        written_by=("product.repairs",),
        read_by=(),
    ),
)
