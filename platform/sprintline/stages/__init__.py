"""Dagster shell: a module per stage of the asset graph."""
