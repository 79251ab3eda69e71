"""Rows and sentences on a terminal: within its width, with every word whole, and one line in a pipe."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from sprintline.base.settings import ROOT
from sprintline.base.terminal import Column, print_rows, say

COLUMNS = [Column("id"), Column("product"), Column("seen", right=True), Column("what", wraps=True)]
WORD = st.text(st.sampled_from("abz_09[]/:é東"), min_size=1, max_size=30)
ROWS = st.lists(
    st.tuples(WORD, WORD, WORD, st.lists(WORD, min_size=1, max_size=40).map(" ".join)), min_size=1, max_size=4
)


@given(rows=ROWS, width=st.sampled_from((60, 80, 120)))
@example(rows=[("8ddb16f4", "[red]", "3", "[bold]not markup[/bold] but text")], width=80)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_is_wider_and_no_word_is_lost(monkeypatch, capsys, rows, width):
    monkeypatch.setenv("COLUMNS", str(width))
    print_rows(COLUMNS, rows)
    out = capsys.readouterr().out
    assert max(map(cell_len, (line.rstrip() for line in out.splitlines()))) <= width
    words = out.split()
    for row in rows:
        assert all(word in words for cell in row for word in cell.split())


def test_it_is_a_table_where_rows_stay_low_and_else_cards(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_rows(COLUMNS, [("8ddb16f4", "parcels", "3", "sources are as usual")])
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["id", "product", "seen", "what"] and len(table) == 2
    print_rows(COLUMNS, [("8ddb16f4", "parcels", "3", "word " * 100)], {0: "dim"})
    card = capsys.readouterr().out.splitlines()
    assert card[0] == "8ddb16f4  product parcels  seen 3"
    assert card[1].startswith("  what  word word") and card[2].startswith("        word")


def test_an_empty_cell_of_a_card_has_no_label(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_rows(COLUMNS, [("a", "", "3", Text("word " * 120))])
    assert capsys.readouterr().out.splitlines()[0] == "a  seen 3"


def test_a_sentence_in_a_pipe_is_one_line_and_on_a_terminal_breaks_between_words(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    sentence = "a [file] that is not there " * 20
    say(sentence, indent=4)
    assert capsys.readouterr().out == sentence + "\n"
    monkeypatch.setenv("COLUMNS", "80")
    say(sentence, indent=4)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and all(line.startswith("    ") for line in lines[1:])
    assert " ".join(lines).split() == sentence.split()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "platform" / "sprintline").rglob("*.py")), ids=lambda one: one.stem
)
def test_no_command_draws_a_table_of_its_own(file):
    """`print_rows` is the one that fits; the sprint table of `status` has tests of its own at every width."""
    if file.name != "table.py":
        assert not re.search(r"rich\.table|from rich import.*table", file.read_text("utf-8"))
