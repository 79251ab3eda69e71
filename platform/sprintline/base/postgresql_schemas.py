"""Which PostgreSQL schema each of the platform's databases gets where one server holds all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

SCHEMAS = {"RECORDS": "sprintline_records", "MLFLOW": "sprintline_mlflow", "DAGSTER": "sprintline_dagster"}
"""Schema by database, as the settings name it (`SPRINTLINE_RECORDS_URL`)."""


def in_schema(url: str, database: str) -> str:
    """The URL of the common server with the schema of one database as its search path. `url` has no options yet."""
    options = quote(f"-csearch_path={SCHEMAS[database]}")
    return f"{url}{'&' if '?' in url else '?'}options={options}"


def schema_in(options: str | Sequence[str]) -> str | None:
    """The schema that the options of a URL name as its search path; None when they name none."""
    text = options if isinstance(options, str) else " ".join(options)
    found = re.search(r"search_path\s*=\s*(\w+)", text)
    return found[1] if found else None
