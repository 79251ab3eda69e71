"""The outside world behind small classes; Dagster is unknown here."""
