"""The commands that `dg` does not already have."""
