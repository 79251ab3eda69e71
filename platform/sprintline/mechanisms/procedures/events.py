"""Ledger events of procedures: what is intended, each step that was done, and the outcome."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from sprintline.mechanisms.ledger.events import EventKind

INTENT, STEP, OUTCOME = "intent", "step", "outcome"
KINDS = (INTENT, STEP, OUTCOME)


class Attempt(TypedDict):
    """Keys of every event of a procedure. subject: what it is about, like a sprint. attempt: counts from 1."""

    procedure: str
    subject: str
    attempt: int


class IntentBody(Attempt):
    """subject: what it is about, like a sprint. attempt: counts from 1. meant: what the steps need. steps: names."""

    meant: dict[str, Any]
    steps: list[str]


class StepBody(Attempt):
    """subject: what it is about, like a sprint. attempt: counts from 1. done: name of the step."""

    done: str


class OutcomeBody(Attempt):
    """subject: what it is about, like a sprint. attempt: counts from 1. why: the reason when it was undone."""

    outcome: Literal["done", "undone"]
    why: str


EVENTS = (
    EventKind(
        INTENT,
        IntentBody,
        "A procedure begins.",
        written_by=("mechanisms.procedures.procedure",),
        read_by=("mechanisms.procedures.progress",),
    ),
    EventKind(
        STEP,
        StepBody,
        "A step of a procedure is done.",
        written_by=("mechanisms.procedures.procedure",),
        read_by=("mechanisms.procedures.progress",),
    ),
    EventKind(
        OUTCOME,
        OutcomeBody,
        "A procedure ended: every step is done, or all of them are undone.",
        written_by=("mechanisms.procedures.procedure",),
        read_by=("mechanisms.procedures.progress",),
    ),
)
