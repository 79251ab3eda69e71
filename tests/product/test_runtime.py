"""A product at run time: its stores are opened once, and belong to its own state folder."""

from dataclasses import replace

from sprintline.base.settings import Home
from sprintline.lake.tables import Lake


def test_a_store_is_opened_once_and_a_runtime_on_another_folder_opens_its_own(flights, tmp_path):
    assert flights[Lake] is flights[Lake]
    other = replace(flights, home=Home(tmp_path / "other"))
    assert other[Lake] is not flights[Lake] and other[Lake].root != flights[Lake].root
