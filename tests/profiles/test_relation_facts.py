"""What is recorded of accepted relations: plain values, and no value that must not be shown."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.profiles.relation_shapes import contract, orders

from sprintline.landing.declared_relations import Accepted, Relation
from sprintline.mechanisms.ledger.bodies import mistakes
from sprintline.profiles.relation_facts import RelationFacts, relation_facts


def stated(*texts: str, hidden: tuple[str, ...] = ()):
    plain = contract(orders(), "order_id", hidden=hidden)
    return {"s": replace(plain, relations=tuple(Accepted(Relation.from_text(text), 0.02) for text in texts))}


def test_every_accepted_relation_is_measured_as_plain_values():
    frame = orders()
    frame.loc[frame["shop"] == "hill", "total"] *= 60
    found = relation_facts(
        {"s": frame}, stated("product(price, quantity, total)", "order(placed_at, delivered_at)")
    )
    assert json.loads(json.dumps(found)) == found
    assert not [wrong for one in found for wrong in mistakes(one, RelationFacts)]
    broken, kept = found
    assert (broken["relation"], broken["allowed"]) == ("s: product(price, quantity, total)", 0.02)
    assert broken["worst"]["group"]["value"] in ("hill", "Ulm")
    assert broken["worst"]["on"] == "s"
    assert "order_id O" in broken["worst"]["example"]
    assert (kept["n"], kept["violating"], kept["worst"], kept["lack"]) == (600, 0, {}, "")


def test_a_relation_that_cannot_be_compared_says_why():
    (found,) = relation_facts({"s": orders()}, stated("keys in(order_id) / other(order_id)"))
    assert (found["n"], found["lack"], found["worst"]) == (0, "other has no rows", {})


def test_a_published_source_is_compared_with_and_its_own_relations_are_not_measured():
    reads = Accepted(Relation.from_text("keys in(order_id) / p(order_id)"))
    own = {"s": replace(contract(orders(), "order_id"), relations=(reads,))}
    frames = {"s": orders(), "p": orders().iloc[:500]}
    publishers = {"p": stated("order(placed_at, delivered_at)", hidden=("order_id",))["s"]}
    (found,) = relation_facts(frames, own, publishers)
    assert (found["relation"], found["violating"]) == ("s: keys in(order_id) / p(order_id)", 100)


def test_personal_values_are_in_no_fact():
    contracts = stated("determines(customer, shop)", "determines(shop, customer)", hidden=("customer",))
    found = relation_facts({"s": orders()}, contracts)
    assert all(one["violating"] for one in found)
    assert "example.org" not in json.dumps(found)
