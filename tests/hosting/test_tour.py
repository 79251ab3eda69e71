"""What `sprintline ui` says when it is ready: where to look, and that each place exists."""

from __future__ import annotations

import re

from rich.cells import cell_len

from sprintline.hosting.commands import _tour

ADDRESS = "http://127.0.0.1:3000"


def test_it_names_pages_of_assets_that_every_product_has(home, small_clone, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    _tour(ADDRESS, home)
    out = capsys.readouterr().out
    assert all(cell_len(line.rstrip()) <= 80 for line in out.splitlines())
    assert "No sprint of flight_delays has closed yet: sprintline replay flight_delays" in " ".join(
        out.split()
    )
    named = set(re.findall(rf"{ADDRESS}/assets/flight_delays/(\w+)", out))
    assert named == {"increment", "scores", "drift", "backlog"} and f"{ADDRESS}/asset-groups" in out
    assert "index.html" not in out, "there are no pages yet"


def test_with_closed_sprints_it_names_the_site(home, small_clone, capsys):
    (home.site / "flight_delays").mkdir(parents=True)
    (home.site / "index.html").touch()
    _tour(ADDRESS, home)
    out = capsys.readouterr().out
    assert str(home.site / "index.html") in out and "No sprint" not in out
