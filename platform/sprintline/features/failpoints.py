"""Failpoints of writing and publishing features."""

FAILPOINTS = {
    "features.applied": "Feast's registry has the declared views; its marker is missing",
    "features.view_written": "a view's partition is in the lake; its measurement is missing",
    "features.online_view": "a view's latest values are read and not yet published online",
    "features.online_published": "all views are published online; the measurement is missing",
}
"""What is left when the process is killed at each."""
