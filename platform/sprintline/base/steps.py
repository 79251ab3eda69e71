"""How a step of the platform ends when it must not go on."""

from __future__ import annotations


class StepFailed(RuntimeError):
    """A step cannot go on, and trying it again would not help. The message says why and what to do.

    Dagster's shell turns it into a failure without retries, so code below the shell needs no Dagster.
    """
