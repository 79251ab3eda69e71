"""Files that are replaced whole: a reader sees the old content or the new, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path, *, durable: bool = False) -> Iterator[Path]:
    """A path beside the file to write to; it takes the file's place when the block ends without an error.

    Its name begins with a dot, so no one who lists the folder takes it for content. Folders are made as needed.

    Args:
        file: what is replaced, or made.
        durable: the new content is on the disk before it takes the place, so that it outlives a power cut.

    Raises:
        OSError: the file cannot be written; what was there before is unchanged, and nothing is left beside it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    os.close(handle)
    fresh = Path(name)
    try:
        fresh.chmod(_mode_of(file))
        yield fresh
        if durable:
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def atomic_write(file: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file whole, text as UTF-8. Arguments and errors are those of `replacing`."""
    with replacing(file, durable=durable) as fresh:
        fresh.write_bytes(content.encode() if isinstance(content, str) else content)


def _mode_of(file: Path) -> int:
    """Permissions of the file that is replaced; of a new one what the process gives to files."""
    try:
        return file.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
