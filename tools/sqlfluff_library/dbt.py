"""dbt's cross-database macros as sqlfluff sees them: SQL of the same shape, enough to be parsed and laid out.

sqlfluff's fast templater renders our own macros for real, but knows none of dbt's. A macro that is missing here makes
`make lint` name it as undefined; add it with the text DuckDB would get.
"""


def dateadd(datepart: str, interval: int, from_date_or_timestamp: str) -> str:
    return f"date_add({from_date_or_timestamp}, interval ({interval}) {datepart})"


def datediff(first: str, second: str, datepart: str) -> str:
    return f"date_diff('{datepart}', {first}, {second})"


def date_trunc(datepart: str, date: str) -> str:
    return f"date_trunc('{datepart}', {date})"


def concat(fields: list[str]) -> str:
    return " || ".join(fields)


def hash(field: str) -> str:
    return f"md5({field})"


def safe_cast(field: str, type: str) -> str:
    return f"try_cast({field} as {type})"


def string_literal(value: str) -> str:
    return f"'{value}'"


def escape_single_quotes(expression: str) -> str:
    return expression.replace("'", "''")


def type_string() -> str:
    return "varchar"


def type_int() -> str:
    return "integer"


def type_bigint() -> str:
    return "bigint"


def type_float() -> str:
    return "double"


def type_numeric() -> str:
    return "decimal(28, 6)"


def type_boolean() -> str:
    return "boolean"


def type_timestamp() -> str:
    return "timestamp"
