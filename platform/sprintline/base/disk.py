"""A disk that is full, told in words: every library has its own for it, and none says what to do."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS}

# As told by those that raise no OSError: DuckDB, delta-rs, SQLite, MLflow's and Feast's databases.
_TOLD = re.compile(
    r"no space left|file too large|quota exceeded|database or disk is full|disk i/o error|read-only file system",
    re.IGNORECASE,
)


def full_disk(error: BaseException, home: Path) -> str | None:
    """What to do about an error, when it comes from a full disk; None when it has another cause.

    home: the state folder, whose disk is looked at.
    """
    first = next((one for one in _chain(error) if _is_full(one)), None)
    if first is None:
        return None
    place = getattr(first, "filename", None)
    where = f" ({place})" if place else ""
    return (
        f"disk full{where}: free space for {home} ({_free(home)}) and run the sprint again: it continues from "
        f"what was committed before, which is unchanged. {' '.join(str(error).split())}"
    )


def _is_full(error: BaseException) -> bool:
    return (isinstance(error, OSError) and error.errno in _FULL) or bool(_TOLD.search(str(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, the innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _free(home: Path) -> str:
    return f"{shutil.disk_usage(home).free / 2**30:.1f} GiB are free"
