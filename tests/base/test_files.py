"""Files are replaced whole or not at all."""

import multiprocessing
import os
from pathlib import Path

import pytest

from sprintline.base.files import atomic_write, replacing


def test_a_file_is_made_with_its_folders_and_replaced(tmp_path):
    file = tmp_path / "a" / "b.json"
    atomic_write(file, "one")
    atomic_write(file, b"two")
    assert file.read_text() == "two"
    assert [one.name for one in file.parent.iterdir()] == ["b.json"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_failure_leaves_the_old_content_and_nothing_beside_it(tmp_path, durable):
    file = tmp_path / "b.json"
    file.write_text("old")
    with pytest.raises(RuntimeError), replacing(file, durable=durable) as fresh:
        fresh.write_text("half of it")
        raise RuntimeError
    assert file.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["b.json"]


def test_what_is_being_written_is_hidden_and_in_the_same_folder(tmp_path):
    with replacing(tmp_path / "b.json") as fresh:
        assert fresh.name.startswith(".") and fresh.parent == tmp_path


def test_permissions_stay_and_a_new_file_has_the_usual_ones(tmp_path):
    file, usual = tmp_path / "secret", tmp_path / "usual"
    file.write_text("old")
    file.chmod(0o600)
    usual.touch()
    atomic_write(file, "new")
    atomic_write(tmp_path / "fresh", "new")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "fresh").stat().st_mode == usual.stat().st_mode


def _write(file: Path, number: int) -> None:
    for _ in range(200):
        atomic_write(file, f"{number}" * 10_000)


@pytest.mark.fault
def test_of_many_writers_every_reader_sees_one_whole(tmp_path):
    file = tmp_path / "b.txt"
    atomic_write(file, "0" * 10_000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(file, number)) for number in (1, 2)]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        text = file.read_text()
        assert len(text) == 10_000 and len(set(text)) == 1
    assert [one.exitcode for one in writers] == [0, 0]
    assert os.listdir(tmp_path) == ["b.txt"]  # noqa: PTH208 - hidden files too
