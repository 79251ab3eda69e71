"""Words of checks and models, explained where the Dagster UI shows them first."""

from __future__ import annotations

INSUFFICIENT = (
    "Insufficient evidence is too little to judge: no record, no answer yet or too few rows. It never passes"
)
"""Of a verdict, in a sentence."""

BASELINES = (
    "the naive baseline (a rate or mean by group, no model) and the twin (an interpretable model: linear, trained on "
    "the same rows, so its coefficients can be read)"
)
"""What a champion is compared with, as a phrase."""

ATTESTED = (
    "Attested is what a named person claimed with evidence, where no rule can see it (job `<product>_attest`)"
)
"""Of a claim, in a sentence."""
