"""Failpoints of training a candidate and deciding on it."""

FAILPOINTS = {
    "train.triggered": "the reason to train is in the ledger; nothing is trained",
    "train.trained": "a candidate is trained; nothing of it is kept",
    "train.measured": "the candidate is measured; it has neither card nor verdicts",
    "decision.taken": "a sprint's decision is in the ledger; the asset is not materialized",
}
"""What is left when the process is killed at each."""
