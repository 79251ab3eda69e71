"""The hash of a state says the same exactly when the parts do."""

from dataclasses import replace

import pytest

from sprintline.state.state_hash import Part, state_hash

PARTS = [
    Part("parcels", "lake", "orders", "2026-S01", 3, "a1"),
    Part("parcels", "online", "courier_delays", "", 9, "b2"),
]


def test_order_does_not_count():
    assert state_hash(PARTS) == state_hash(reversed(PARTS))


@pytest.mark.parametrize(
    "change", [{"hash": "a2"}, {"rows": 4}, {"sprint": "2026-S02"}, {"table": "deliveries"}]
)
def test_every_difference_counts(change):
    assert state_hash([replace(PARTS[0], **change), PARTS[1]]) != state_hash(PARTS)


def test_a_part_more_or_less_counts():
    assert len({state_hash(PARTS[:n]) for n in range(3)}) == 3
