"""A relation's text is read back as it was, a contract states it, and every mistake in one is reported at its line."""

from __future__ import annotations

import pytest

from sprintline.landing.declared_relations import KINDS, Accepted, NoRelation, Relation
from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.declaration.located_yaml import DeclarationError

EVERY = (
    Relation("equal", "s", ("a", "b")),
    Relation("difference", "s", ("a", "b", "c")),
    Relation("difference", "s", ("a", "b", "c"), unit="hhmm"),
    Relation("difference", "s", ("a", "b", "c"), unit="minutes"),
    Relation("product", "s", ("a", "b", "c")),
    Relation("order", "s", ("a", "b")),
    Relation("determines", "s", ("a", "b", "c")),
    Relation("null together", "s", ("a", "b")),
    Relation("keys in", "s", ("a", "b"), "t", ("c", "d")),
    Relation("same value", "s", ("v", "a"), "t", ("w", "a")),
    Relation("same groups", "s", ("a",), "t", ("b",)),
    Relation("same rows per day", "s", (), "t", ()),
)


@pytest.mark.parametrize("relation", EVERY, ids=lambda one: one.key)
def test_a_key_is_read_back(relation):
    assert Relation.of(relation.key) == relation
    assert Relation.from_text(relation.text).text == relation.text
    assert relation.key == f"s: {relation.text}"


def test_every_kind_has_a_sentence_that_names_source_and_columns():
    assert {one.kind for one in EVERY} == set(KINDS)
    for one in EVERY:
        assert one.sentence.startswith("in s, ")
        words = one.sentence.replace(",", "").replace(")", "").split()
        assert {*one.columns, *one.other_columns} <= set(words)
        assert not one.other or one.other in words
    assert EVERY[2].sentence == "in s, c is a minus b (clocks HHMM) in minutes"


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        (
            "dep_delay = dep_time",
            "is not a relation",
            "difference(dep_time, sched_dep_time, dep_delay) in minutes",
        ),
        ("diference(a, b, c)", '"diference" is not a kind', "did you mean `difference`?"),
        ("difference(a, b)", "`difference` names 2 columns", "name 3 between the parentheses"),
        ("determines(a)", "`determines` names 1 columns", "name 2 to 3"),
        ("order(a, a)", "names a column twice", "name each column once"),
        ("order(a, b) in minutes", "`order` has no unit minutes", "leave out `in minutes`"),
        ("difference(a, b, c) in minute", "has no unit minute", "did you mean `minutes`?"),
        ("order(a, b) / t(c, d)", "within one source", "leave out `/ t(…)`"),
        ("keys in(a)", "between two sources", "write `keys in(a) / other(a)`"),
        ("keys in(a, b) / t(c)", "2 columns of one source and 1 of the other", "as many columns of both"),
    ],
)
def test_a_text_that_is_no_relation_says_what_to_write(text, wrong, right):
    with pytest.raises(NoRelation) as error:
        Relation.from_text(text)
    assert wrong in str(error.value)
    assert right in error.value.right


def test_a_key_without_source_is_refused():
    with pytest.raises(NoRelation, match="names no source"):
        Relation.of("order(a, b)")


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: parcels-trips
name: trips
version: "1.0.0"
status: active
description: {{purpose: for tests}}
customProperties:
  - {{property: eventAt, value: left_at}}
{custom}
schema:
  - name: trips
    quality:
      - {{metric: rowCount, mustBeBetween: [10, 16000]}}
{rules}
    properties:
      - {{name: trip, logicalType: integer, primaryKey: true, description: trip, classification: public}}
      - {{name: left_at, logicalType: timestamp, required: true, description: left, classification: public}}
      - {{name: came_at, logicalType: timestamp, description: came, classification: public{column}}}
"""


def read(rules: str = "", custom: str = "", column: str = ""):
    indented = "\n".join(f"      {line}" for line in rules.splitlines())
    return parse_contract(CONTRACT.format(rules=indented, custom=custom, column=column), "trips.yaml")


def mistakes(**parts: str) -> list[str]:
    with pytest.raises(DeclarationError) as error:
        read(**parts)
    return str(error.value).splitlines()


def rule(text: str, **more: str) -> str:
    keys = "".join(f", {name}: {value}" for name, value in more.items())
    return f"- {{type: custom, engine: sprintline, implementation: {{relation: '{text}'{keys}}}}}"


def test_accepted_relations_are_read_beside_the_other_rules():
    found = read(
        f"{rule('order(left_at, came_at)')}\n{rule('keys in(trip) / tickets(trip)', allowed='0.02')}"
    )
    assert found.relations == (
        Accepted(Relation("order", "", ("left_at", "came_at")), 0.01),
        Accepted(Relation("keys in", "", ("trip",), "tickets", ("trip",)), 0.02),
    )
    assert found.row_bounds == (10, 16000)


def test_the_short_form_is_a_text():
    short = "- {type: custom, engine: sprintline, implementation: 'order(left_at,came_at)'}"
    assert read(short).relations[0].relation.text == "order(left_at, came_at)"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (rule("order(left_at, come_at)"), "there is no column come_at; did you mean `came_at`?"),
        (rule("ordr(left_at, came_at)"), '"ordr" is not a kind of relation; did you mean `order`?'),
        (
            rule("order(left_at, came_at)", allowed="1"),
            "1 is not a share of rows; write a share from 0 to 0.2",
        ),
        (rule("order(left_at, came_at)", allowed="true"), "true is not a share of rows"),
        (rule("order(left_at, came_at)", allow="0.1"), "unknown key; did you mean `allowed`?"),
        (
            "- {type: custom, engine: sprintline, implementation: {allowed: 0.1}}",
            "is missing; write `relation:",
        ),
        ("- {type: custom, engine: sprintline}", "is missing"),
    ],
)
def test_mistakes_are_reported_at_the_line_of_the_rule(rules, expected):
    found = mistakes(rules=rules)
    assert len(found) == 1, found
    assert found[0].startswith("trips.yaml:15: schema[0].quality[1].implementation")
    assert expected in found[0]


def test_a_relation_stated_twice_names_the_first():
    found = mistakes(
        rules=f"{rule('order(left_at, came_at)')}\n{rule('order(left_at,came_at)', allowed='0.1')}"
    )
    assert found == [
        "trips.yaml:16: schema[0].quality[2].implementation: the relation is stated twice; keep one; the first is in "
        "line 15"
    ]


def test_another_engine_is_refused_and_a_misspelt_one_is_named():
    other = mistakes(rules="- {type: custom, engine: soda, implementation: 'checks: []'}")
    assert '"custom" rules are not run on a file' in other[0]
    near = mistakes(rules="- {type: custom, engine: sprintlin, implementation: 'order(left_at, came_at)'}")
    assert "with `engine: sprintline`" in near[0]


def test_a_relation_at_a_column_is_in_the_wrong_place():
    found = mistakes(
        column=", quality: [{type: custom, engine: sprintline, implementation: 'order(left_at, came_at)'}]"
    )
    assert "state it in the quality list of the table" in found[0]


def test_rejected_relations_are_read_and_their_mistakes_reported():
    listed = "  - {property: rejectedRelations, value: ['order(left_at, came_at)', 'order(gone, came_at)']}"
    assert read(custom=listed).rejected_relations == ("order(left_at, came_at)", "order(gone, came_at)")
    found = mistakes(custom="  - {property: rejectedRelations, value: ['order(left_at)']}")
    assert "customProperties[1].value[0]: `order` names 1 columns" in found[0]
    assert "is not a list" in mistakes(custom="  - {property: rejectedRelations, value: order}")[0]
    assert (
        "did you mean `rejectedRelations`?"
        in mistakes(custom="  - {property: rejectedRelation, value: []}")[0]
    )
