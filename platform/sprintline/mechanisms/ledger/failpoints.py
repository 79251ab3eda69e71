"""Failpoints of writing records."""

FAILPOINTS = {
    "records.before_commit": "verdicts, a measurement or an event are written and not committed",
    "records.before_head": "an event is committed; the head file beside the ledger is one behind",
}
"""What is left when the process is killed at each."""
