"""An entry is added as text: every other byte stays, and what cannot be edited so is refused."""

from __future__ import annotations

import pytest
import yaml

from sprintline.mechanisms.declaration.edited_yaml import NotEditable, with_item

TEXT = """\
# A contract.
schema:
  - name: trips  # one table
    # What is checked.
    quality:
      - {metric: rowCount, mustBe: 3}  # three rows

    # The columns.
    properties:
      - name: a
custom:
  - property: words
    value:
      - one
"""


def test_an_entry_goes_to_the_end_of_the_list_and_nothing_else_changes():
    grown = with_item(TEXT, ("schema", "trips", "quality"), "- type: text\n  description: new\n")
    assert grown == TEXT.replace(
        "# three rows\n", "# three rows\n      - type: text\n        description: new\n"
    )


def test_a_list_is_found_below_a_property_too():
    assert with_item(TEXT, ("custom", "words", "value"), "- two\n").endswith("      - one\n      - two\n")


def test_an_entry_that_is_there_is_not_added_again():
    assert with_item(TEXT, ("custom", "words", "value"), "- one\n") == TEXT


def test_a_missing_list_is_added_before_a_key_and_its_comments():
    without = TEXT.replace("    quality:\n      - {metric: rowCount, mustBe: 3}  # three rows\n", "")
    grown = with_item(without, ("schema", "trips", "quality"), "- a: 1\n", before="properties")
    assert "    quality:\n      - a: 1\n    # The columns.\n    properties:" in grown
    at_top = with_item("a: 1\nschema:\n  - b\n", ("custom",), "- c\n", before="schema")
    assert at_top == "a: 1\ncustom:\n  - c\nschema:\n  - b\n"


def test_a_missing_list_is_added_at_the_end_without_the_key():
    assert with_item("a: 1", ("custom",), "- c\n", before="schema") == "a: 1\ncustom:\n  - c\n"


def test_a_missing_list_is_refused_where_it_must_exist():
    with pytest.raises(NotEditable, match=r"schema\.trips\.tests is not a list"):
        with_item(TEXT, ("schema", "trips", "tests"), "- a\n")


@pytest.mark.parametrize(
    "text", ["list: [a, b]\n", "list: {a: 1}\n", "list:\n", "list: &x\n  - a\nmore: *x\n", "- a\n", "a: [\n"]
)
def test_what_would_read_otherwise_is_refused(text):
    with pytest.raises(NotEditable):
        with_item(text, ("list",), "- c\n", before="none")


def test_line_ends_of_windows_and_a_missing_last_one_stay():
    text = TEXT.replace("\n", "\r\n").removesuffix("\r\n")
    grown = with_item(text, ("custom", "words", "value"), "- two\n")
    assert grown == text + "\r\n      - two\r\n"
    assert yaml.safe_load(grown)["custom"][0]["value"] == ["one", "two"]
