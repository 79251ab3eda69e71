"""The warehouse: dbt models in DuckDB."""
