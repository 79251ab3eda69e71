"""Declarations: YAML read with the place of every mistake, as typed specs."""
