"""All planted faults, found in the `faults.py` of each subject; a rule without one is reported by a test."""

from __future__ import annotations

from functools import cache

from sprintline.mechanisms.registry import collected
from sprintline.mechanisms.rules.faults import Fault


@cache
def all_faults() -> tuple[Fault, ...]:
    """Every fault, in the order of their keys."""
    return tuple(sorted(collected("faults", "FAULTS"), key=lambda one: one.key))


def faults_of(code: str) -> tuple[Fault, ...]:
    """The faults planted for one rule."""
    return tuple(fault for fault in all_faults() if fault.code == code)
