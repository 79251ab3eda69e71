"""Which marts a feature view reads, by its SQL."""

from types import SimpleNamespace

import pytest

from sprintline.warehouse import recorded
from sprintline.warehouse.sql_text import without_comments

NODES = {name: {"resource_type": "model", "schema": "marts", "name": name} for name in ("hours", "flights")}


class Declared:
    """A product whose manifest has two marts."""

    product = "p"

    def __getitem__(self, _store):
        return SimpleNamespace(manifest={"nodes": NODES})


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("select 1 -- flights", "select 1  "),
        ("select /* hours\n-- */ 1", "select   1"),
        ("select replace(a, '--', '') from hours", "select replace(a, '--', '') from hours"),
        (
            "select 'it''s -- here' from hours -- flights\nwhere 1",
            "select 'it''s -- here' from hours  \nwhere 1",
        ),
        ('select "a--b" from hours', 'select "a--b" from hours'),
    ],
)
def test_a_comment_ends_no_string(sql, text):
    assert without_comments(sql) == text


def test_a_mart_named_only_in_a_comment_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    (tmp_path / "feature_repo" / "p").mkdir(parents=True)
    (tmp_path / "feature_repo" / "p" / "view.sql").write_text(
        "-- the flights of a day\nselect * from with_moments('hours', ['route'], $moments) /* not\nflights */\n"
    )
    assert recorded.marts_of_view(Declared(), "view") == ["hours"]
    assert recorded.marts_of_view(Declared(), "another") == []
