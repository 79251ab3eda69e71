"""Alembic's folder of the records database: `env.py`, and one module per schema version in `versions/`."""
