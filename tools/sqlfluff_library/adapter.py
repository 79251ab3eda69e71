"""dbt's `adapter` as sqlfluff sees it: a dispatched macro is the DuckDB one, or else the default one."""

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context, Undefined


@pass_context
def dispatch(context: Context, macro_name: str, macro_namespace: str | None = None) -> Callable[..., Any]:
    """The macro `adapter.dispatch` picks on DuckDB, looked up in the calling macro's own file.

    Raises LookupError, which sqlfluff reports with the file, when there is neither form.
    """
    for name in (f"duckdb__{macro_name}", f"default__{macro_name}"):
        macro = context.resolve(name)
        if not isinstance(macro, Undefined):
            return macro
    raise LookupError(
        f"no macro duckdb__{macro_name} or default__{macro_name} in the file that dispatches it"
    )
