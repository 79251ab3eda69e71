"""Failpoints of landing files."""

FAILPOINTS = {
    "landing.read": "a landed file is read and valid; nothing of it is written yet",
    "quarantine.before_move": "a refusal and its reason are on record; the file still lies in landing/",
    "quarantine.after_move": "a refused file lies in quarantine/; the step has not ended",
}
"""What is left when the process is killed at each."""
