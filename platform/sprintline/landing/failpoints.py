"""Failpoints of landing files."""

FAILPOINTS = {
    "landing.read": "a landed file is read and keeps its contract; nothing of it is written yet",
    "quarantine.before_move": "a refusal and its reason are recorded; the file is still in landing/",
    "quarantine.after_move": "a refused file is in quarantine/; the step has not ended",
}
"""What is left when the process is killed at each."""
