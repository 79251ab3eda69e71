"""Failpoints of starting a run."""

FAILPOINTS = {
    "launch.before_fork": "a run is STARTING; its worker is not forked (in the daemon)",
    "launch.forked": "a run's worker is forked; the run does not name it yet (in the daemon)",
}
"""What is left when the process is killed at each."""
