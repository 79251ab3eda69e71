"""All faults, a module per stage of a sprint's way; `RULES` without one are told by a test."""

from __future__ import annotations

from sprintline.faults import in_data, in_features, in_models, in_watch
from sprintline.faults.fault import Fault

FAULTS: tuple[Fault, ...] = tuple(
    sorted(
        (*in_data.FAULTS, *in_features.FAULTS, *in_models.FAULTS, *in_watch.FAULTS), key=lambda one: one.key
    )
)


def faults_of(code: str) -> tuple[Fault, ...]:
    """The faults planted for one rule."""
    return tuple(fault for fault in FAULTS if fault.code == code)
