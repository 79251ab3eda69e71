"""A model's inputs exist, have the right kind, and are known when the question is asked."""

from __future__ import annotations

import pytest
from tests.clones import MODEL, QUESTIONS, VIEWS, checked, edit, new_clone, put_back

from sprintline.base import settings

YAML = QUESTIONS.replace(".sql", ".yml")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return new_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def root(clone, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", clone)
    with put_back(clone):
        yield clone


def question_column(root, name: str, sql: str, kind: str, joined: str = "from clocked") -> None:
    """The questions get a column, which the model reads."""
    edit(root, QUESTIONS, r"    parcels,", f"    clocked.parcels,\n    {sql} as {name},")
    text = (root / QUESTIONS).read_text()
    for column in (
        "order_id as question_id",
        "sprint",
        "event_at as question_at",
        "event_at,",
        "courier",
        "district",
    ):
        text = text.replace(f"\n    {column}", f"\n    clocked.{column}", 1)
    (root / QUESTIONS).write_text(text.replace("from clocked", joined))
    edit(
        root,
        YAML,
        r"      - name: parcels",
        f"      - name: {name}\n        data_type: {kind}\n        description: d\n      - name: parcels",
    )
    edit(root, MODEL, r'    "parcels",', f'    "parcels",\n    "{name}",')


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("parcels", "parcel", "did you mean parcels?"),
        ("courier_late_rate_1d", "courier_late_rate_1day", "did you mean courier_late_rate_1d?"),
        ("distance_km", "moon", "add it to one of them, or take it out of the inputs"),
    ],
)
def test_an_input_that_nothing_gives_is_refused_with_the_nearest_name(root, old, new, told):
    edit(root, MODEL, f'"{old}"', f'"{new}"')
    (said,) = checked(root)
    assert said.startswith(f"{MODEL}:") and said.endswith(told)
    assert f"no view of bakery_v1 and no column of questions gives the input {new}; " in said


def test_an_input_whose_feature_left_the_service_is_refused(root):
    edit(
        root,
        VIEWS,
        r"\[courier_delays\]",
        '[courier_delays[["courier_late_rate_7d", "courier_delay_minutes_1d"]]]',
    )
    (said,) = checked(root)
    assert "gives the input courier_late_rate_1d" in said


def test_a_number_whose_feature_is_text_is_refused(root):
    edit(
        root,
        VIEWS,
        r'name="courier_late_rate_1d", dtype=Float64',
        'name="courier_late_rate_1d", dtype=String',
    )
    told = checked(root)
    assert any("gives courier_late_rate_1d as double, and views.py declares text" in one for one in told), (
        told
    )


@pytest.mark.fault
def test_the_label_itself_is_refused(root):
    edit(root, MODEL, r'    "parcels",', '    "parcels",\n    "late",')
    (said,) = checked(root)
    assert "the input late is the label itself" in said


JOINED = "from clocked\nleft join {{ ref('outcomes') }} as answers on answers.question_id = clocked.order_id"
LEAKS = {
    "the label": ("late", "answers.late", "boolean"),
    "the label under another name": ("was_slow", "cast(answers.late as int)", "int"),
    "what the label is computed from": ("minutes_over", "answers.delay_minutes", "int"),
    "something computed from that": ("over", "clocked.parcels * answers.delay_minutes", "int"),
}


@pytest.mark.fault
@pytest.mark.parametrize("leak", LEAKS)
def test_what_is_computed_from_the_answer_is_refused(root, leak):
    name, sql, kind = LEAKS[leak]
    question_column(root, name, sql, kind, JOINED)
    (said,) = checked(root)
    assert said.startswith(f"{MODEL}:") and f"the input {name} " in said
    if name != "late":
        assert "is computed from known_at of deliveries, which makes the label late" in said
        assert "take it out of the inputs" in said


def test_what_was_promised_may_be_read_though_the_answer_depends_on_it(root):
    """The nearest sound thing: the answer is late against `promised_minutes`, which is known with the order."""
    question_column(root, "promised_hours", "clocked.promised_minutes / 60.0", "double")
    assert checked(root) == []
