"""Failpoints of writing records."""

FAILPOINTS = {
    "records.before_commit": "verdicts, a measurement or an event are written and not committed",
    "records.before_head": "an event is committed; the head file beside the ledger is one behind",
    "records.before_copy": "the head file names an event; its copy outside the state folder is one behind",
}
"""What is left when the process is killed at each."""
