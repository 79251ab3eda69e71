"""Failpoints of writing a partition to the lake."""

FAILPOINTS = {
    "lake.before_commit": "a partition's rows are ready; the table still has the old ones",
    "lake.after_commit": "a partition is committed; neither its hash nor a measurement is noted",
}
"""What is left when the process is killed at each."""
