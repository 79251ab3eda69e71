"""Failpoints of closing a sprint."""

FAILPOINTS = {
    "closing.measured": "an increment is measured; its sprint is not closed",
    "closing.sighted": "the backlog has heard of an increment; its closing is not in the ledger",
    "closing.closed": "a sprint's closing is in the ledger; its increment is not materialized",
}
"""What is left when the process is killed at each."""
