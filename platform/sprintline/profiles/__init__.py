"""Profiles: what the rows of a source are like, sprint by sprint, and what holds between columns and sources."""
