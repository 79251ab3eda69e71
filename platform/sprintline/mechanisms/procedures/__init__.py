"""Procedures: steps that all happen or are undone, resumed after a kill."""
