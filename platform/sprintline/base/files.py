"""Files that are replaced whole: a reader sees the old content or the new, never half of one."""

from __future__ import annotations

import os
import secrets
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


def secret_once(file: Path, content: bytes) -> bool:
    """Make a file that only its owner can read, unless one is there; whether it was made. It is on the disk then.

    Of several processes one makes it. Raises OSError when it cannot be written; nothing is left beside it.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(handle)
        os.link(part, file)  # fails where one has come meanwhile, which a rename would replace
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


def _mode_of(file: Path) -> int:
    """Permissions of the file that is replaced; of a new one what the process gives to files."""
    try:
        return file.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
