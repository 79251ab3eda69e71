"""Every column that SQL or sources.py reads is held against the contract that promises it, with both places."""

from __future__ import annotations

import re

import pytest
from tests.clones import ORDERS, QUESTIONS, SOURCES, STAGED, checked, edit, loaded, new_clone, put_back

from sprintline.base import settings
from sprintline.landing.empty_rows import source_columns
from sprintline.warehouse.dry_run import cast_texts

SHAPED = '''

def orders(frame):
    """The landed orders with their way in miles."""
    return frame.assign(distance_miles=frame["distance_km"] / 1.609)
'''


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return new_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def root(clone, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", clone)
    with put_back(clone):
        yield clone


def line(root, file: str, word: str) -> int:
    return next(n for n, text in enumerate((root / file).read_text().splitlines(), 1) if word in text)


def test_a_sound_product_reads_what_is_promised(root):
    assert checked(root) == []


@pytest.mark.parametrize("name", ["distance_miles", "km", "zzz"])
def test_a_renamed_column_is_named_with_both_places(root, name):
    edit(
        root,
        ORDERS,
        r"- name: distance_km\n        physicalName: distance_km",
        f"- name: {name}\n        physicalName: x",
    )
    (told,) = checked(root)
    assert told == (
        f"{STAGED}:{line(root, STAGED, 'distance_km')}: reads the column distance_km, which orders does not have: "
        f"{ORDERS}:{line(root, ORDERS, f'name: {name}')} declares {name}; write the same name in both, or add the "
        f"column to the contract"
    )


def test_a_removed_column_is_named(root):
    edit(root, ORDERS, r"      - name: parcels\n(        .*\n)+", "")
    (told,) = checked(root)
    assert told.startswith(
        f"{STAGED}:{line(root, STAGED, 'parcels')}: reads the column parcels, which orders does not"
    )


def test_a_number_that_becomes_text_is_named(root):
    """The staging model casts it, so that nothing would fail until a text comes that is no number."""
    edit(
        root,
        ORDERS,
        r"(- name: distance_km\n.*\n        logicalType:) number\n((?s:.*?))        logicalType.*\n",
        r"\1 string\n\2",
    )
    (told,) = checked(root)
    assert told == (
        f"{STAGED}:{line(root, STAGED, 'distance_km')}: reads distance_km of orders as double, and "
        f"{ORDERS}:{line(root, ORDERS, 'name: distance_km')} declares it as string; declare there the type that the "
        f"SQL reads, so that the landing checks it"
    )


def test_a_column_that_one_model_takes_from_another_and_that_is_gone_is_named(root):
    edit(root, STAGED, r"        cast\(parcels as int\) as parcels,\n", "")
    told = checked(root)
    assert any(
        re.match(rf"{QUESTIONS}:\d+: reads the column parcels, which no model it reads gives", one)
        for one in told
    )
    assert any("does not give the column parcels, which its YAML declares" in one for one in told)


def test_a_type_that_a_model_declares_otherwise_is_named(root):
    edit(root, STAGED, r"cast\(parcels as int\)", "cast(parcels as double)")
    told = checked(root)
    assert any("gives parcels as double, and its YAML declares int" in one for one in told), told


def test_an_expression_over_the_wrong_type_names_the_line(root):
    edit(root, QUESTIONS, r"    district,", "    sum(district) over () as district,")
    told = checked(root)
    assert any(
        one.startswith(f"{QUESTIONS}:{line(root, QUESTIONS, 'sum(district)')}: does not fit") for one in told
    ), told


@pytest.mark.parametrize(("column", "sound"), [("distance_km", True), ("distance", False)])
def test_what_sources_py_reads_is_promised(root, column, sound):
    (root / SOURCES).write_text((root / SOURCES).read_text() + SHAPED.replace('"distance_km"', f'"{column}"'))
    told = checked(root)
    if sound:
        assert told == []
        assert source_columns(loaded(root))["orders"].types["distance_miles"] == "number"
    else:
        (said,) = told
        assert said.startswith(
            f"{SOURCES}:{line(root, SOURCES, 'distance_miles=')}: orders() reads the column distance, which is"
        )
        assert f"{ORDERS}:{line(root, ORDERS, 'name: distance_km')} declares distance_km" in said


def test_a_column_that_sources_py_adds_may_be_read(root):
    """The nearest sound thing: SQL reads a column that no contract declares, because sources.py makes it."""
    (root / SOURCES).write_text((root / SOURCES).read_text() + SHAPED)
    edit(root, STAGED, r"cast\(distance_km as double\)", "cast(distance_miles as double)")
    assert checked(root) == []


def test_code_that_needs_rows_says_nothing_about_columns(root):
    """A function that fails without rows leaves open which columns there are: nothing is claimed of them."""
    needs_rows = (
        "\n\ndef orders(frame):\n    first = frame.iloc[0]\n    return frame.assign(more=first['parcels'])\n"
    )
    (root / SOURCES).write_text((root / SOURCES).read_text() + needs_rows)
    edit(root, STAGED, r"cast\(distance_km as double\)", "cast(more as double)")
    assert checked(root) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("cast(a as double)", [("a", "double")]),
        ('cast("a" as {{ moment_type() }})', [("a", "timestamp")]),
        ("CAST(a AS decimal(10, 2))", [("a", "decimal")]),
        ("try_cast(a as double)", []),
        ("cast(a as string)", []),
        ("cast(b as double)", []),
        ("-- cast(a as double)", []),
    ],
)
def test_only_plain_casts_of_texts_are_found(sql, found):
    assert [(column, kind) for _, column, kind in cast_texts(sql, {"a"})] == found
