"""A full disk is reported in words, whoever met it; other errors are left to speak for themselves."""

from __future__ import annotations

import errno
import sqlite3

import pytest

from sprintline.base.disk import full_disk


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.fault
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        sqlite3.OperationalError("database or disk is full"),
        caused(RuntimeError("release cannot be made"), OSError(errno.EDQUOT, "Disk quota exceeded")),
        RuntimeError('IO Error: Could not write file "x.duckdb.wal": No space left on device'),
    ],
)
def test_a_full_disk_is_told_with_the_folder_and_what_to_do(error, tmp_path):
    said = full_disk(error, tmp_path)
    assert said is not None and said.startswith("disk full")
    assert f"free space for {tmp_path} (" in said and "GiB are free" in said
    assert str(error).split()[-1] in said


@pytest.mark.fault
def test_the_file_is_named_where_it_is_known(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "model.onnx"))
    assert f"({tmp_path / 'model.onnx'})" in (full_disk(error, tmp_path) or "")


@pytest.mark.parametrize("error", [ValueError("no such column"), PermissionError(errno.EACCES, "no")])
def test_other_errors_speak_for_themselves(error, tmp_path):
    assert full_disk(error, tmp_path) is None
