"""A cached hash counts only for the files it was computed from, and a cache that fails costs no more than a read."""

from types import SimpleNamespace

from sprintline.lake.cached_hashes import cache, cached, file_of

PARTITION = SimpleNamespace(files=(("a.parquet", 10), ("b.parquet", 20)))


def test_it_is_found_again_for_these_files_and_no_others(tmp_path):
    file = file_of(tmp_path / "p" / "t", "2026-S01")
    assert cached(file, PARTITION) is None
    cache(file, PARTITION, "abc")
    assert cached(file, PARTITION) == "abc"
    assert cached(file, SimpleNamespace(files=(("a.parquet", 10), ("b.parquet", 21)))) is None
    assert cached(file, SimpleNamespace(files=PARTITION.files[:1])) is None
    assert [one.name for one in file.parent.iterdir()] == ["2026-S01.json"]


def test_what_cannot_be_read_or_written_is_no_error(tmp_path):
    file = file_of(tmp_path, "2026-S01")
    file.parent.mkdir()
    for content in ("{", "[]", '{"files": [["a.parquet", 10], ["b.parquet", 20]], "data_version": 7}'):
        file.write_text(content)
        assert cached(file, PARTITION) is None
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file where the folder should be")
    cache(file, PARTITION, "abc")
    assert cached(file, PARTITION) is None
