"""A cached hash counts only for the files it was computed from, and a cache that fails costs no more than a read."""

import os
from types import SimpleNamespace

from sprintline.lake.cached_hashes import cache, cached, file_of, on_disk

PARTITION = SimpleNamespace(files=(("a.parquet", 10), ("b.parquet", 20)))
DISK = [[1, 10, 5, 5], [2, 20, 6, 6]]


def test_it_is_found_again_for_these_files_and_no_others(tmp_path):
    file = file_of(tmp_path / "p" / "t", "2026-S01")
    assert cached(file, PARTITION, DISK) is None
    cache(file, PARTITION, DISK, "abc")
    assert cached(file, PARTITION, DISK) == "abc"
    assert cached(file, SimpleNamespace(files=(("a.parquet", 10), ("b.parquet", 21))), DISK) is None
    assert cached(file, SimpleNamespace(files=PARTITION.files[:1]), DISK) is None
    assert cached(file, PARTITION, DISK[:1]) is None
    assert cached(file, PARTITION, None) is None
    for place in range(4):
        other = [list(DISK[0]), list(DISK[1])]
        other[1][place] += 1
        assert cached(file, PARTITION, other) is None, place
    assert [one.name for one in file.parent.iterdir()] == ["2026-S01.json"]


def test_a_file_that_was_changed_and_set_back_in_time_is_another_one(tmp_path):
    for name, size in PARTITION.files:
        (tmp_path / name).write_bytes(b"x" * size)
    before, changed = on_disk(tmp_path, PARTITION), tmp_path / "b.parquet"
    stat = changed.stat()
    assert on_disk(tmp_path, PARTITION) == before
    changed.write_bytes(b"y" * 20)
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert changed.stat().st_mtime_ns == stat.st_mtime_ns
    assert on_disk(tmp_path, PARTITION) != before
    changed.unlink()
    assert on_disk(tmp_path, PARTITION) is None


def test_what_cannot_be_read_or_written_is_no_error(tmp_path):
    file = file_of(tmp_path, "2026-S01")
    file.parent.mkdir()
    # The second is a cache of an older version, which did not look at the files.
    older = '{"files": [["a.parquet", 10], ["b.parquet", 20]], "data_version": "abc"}'
    for content in ("{", "[]", older, older.replace('"abc"', f'7, "disk": {DISK}')):
        file.write_text(content)
        assert cached(file, PARTITION, DISK) is None
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file where the folder should be")
    cache(file, PARTITION, DISK, "abc")
    assert cached(file, PARTITION, DISK) is None
