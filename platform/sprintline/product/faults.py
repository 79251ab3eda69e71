"""Faults of the calendar."""

from __future__ import annotations

from sprintline.mechanisms.rules.faults import Fault, Sandbox


def _plan_runs_out(sandbox: Sandbox) -> None:
    sandbox.edit(
        "platform/products/{product}/defs.yaml",
        ('planned_until: "2026-08-03"', 'planned_until: "2026-03-02"'),
    )


FAULTS = (
    Fault(
        "CAL001", "a plan that ends in two sprints", "calendar in defs.yaml", "increment", _plan_runs_out,
        run=("increment",),
    ),
)  # fmt: skip
