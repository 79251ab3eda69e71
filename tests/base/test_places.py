"""Files of the team's own code, as messages name them."""

from __future__ import annotations

import pytest

from sprintline.base.errors import error_text
from sprintline.base.places import own_place, place_in, team_place
from sprintline.learning.recipes import Inputs


def test_the_innermost_frame_of_the_team_is_its_place(tmp_path):
    frames = [
        (f"{tmp_path}/platform/products/bakery/model.py", 3),
        (f"{tmp_path}/platform/sprintline/learning/training.py", 9),
        ("/elsewhere/platform/products/bakery/model.py", 1),
    ]
    assert team_place(frames, tmp_path) == "platform/products/bakery/model.py:3"
    assert own_place(frames, tmp_path) == "platform/sprintline/learning/training.py:9"
    assert team_place(frames[1:], tmp_path) == ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/clone/feature_repo/bakery/sales.sql:4: view sales", "feature_repo/bakery/sales.sql:4"),
        ("model a in models/bakery/marts/a.sql:7 failed", "dbt_project/models/bakery/marts/a.sql:7"),
        ("dbt_project/models/bakery/a.yml: wrong", "dbt_project/models/bakery/a.yml"),
        ("supermodels/a.sql and platform/sprintline/a.py:1", ""),
    ],
)
def test_a_file_that_a_message_names(text, place):
    assert place_in(text) == place


def test_what_the_platform_refuses_is_told_with_the_line_of_the_team_that_called_it(tmp_path):
    file = tmp_path / "platform/products/bakery/model.py"
    names = {"Inputs": Inputs}
    exec(compile("def recipe():\n    return Inputs(())\n", str(file), "exec"), names)
    with pytest.raises(Exception, match="column") as refused:
        names["recipe"]()
    assert error_text(refused.value, tmp_path).startswith("platform/products/bakery/model.py:2: ")
