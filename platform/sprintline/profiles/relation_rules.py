"""The rule on relations that the team accepted: in every sprint they hold, over all rows and in every group and day.

A group whose rows nearly all violate a relation may be too small to show in the share of all rows: a small carrier
whose delays are in hours is 14 of 13,000 flights. So the worst group and the worst day are judged too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sprintline.base.words import counted_as
from sprintline.landing.declared_relations import HOLDS
from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed

if TYPE_CHECKING:
    from sprintline.profiles.facts import PartFacts, RelationFacts
    from sprintline.profiles.violations import Violations

LEAST_ROWS = 20
"""Fewer compared rows show neither that a relation holds nor that it does not."""
MOST_OF_GROUP = 0.5
"""A group or day in which more of the rows violate a relation is judged by itself."""
CHANCE = 1e-9
"""Such a group counts when chance, with the allowed share, gives it at most this often: every sprint has some hundred
groups and days for each of some ten relations."""
SHOWN = 3
"""Relations that a sentence describes; it counts the others."""


def _holds(evidence: Mapping[str, Any], _: Any) -> Judgement:
    accepted: Sequence[RelationFacts] = need(evidence, "accepted")
    if not accepted:
        return passed("0 relations are accepted in the contracts, so none is violated", 0, 0)
    broken = [one for one in accepted if one["n"] >= LEAST_ROWS and (_too_many(one) or _bad_parts(one))]
    few = [one for one in accepted if one["n"] < LEAST_ROWS]
    if broken:
        broken.sort(key=lambda one: -one["violating"] / one["n"])
        told = "; ".join(_described(one) for one in broken[:SHOWN])
        more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        count = f"{len(broken)} of {counted_as(len(accepted), 'accepted relation')} violated"
        return failed(f"{count}: {told}{more}", len(broken), 0)
    if few:
        told = "; ".join(
            f"{one['sentence']}: {counted_as(one['n'], 'row')} can be compared{_why(one)}"
            for one in few[:SHOWN]
        )
        return insufficient(
            f"{len(few)} of {counted_as(len(accepted), 'accepted relation')} cannot be judged, at least {LEAST_ROWS} "
            f"rows are required: {told}",
            len(few),
            0,
        )
    worst = max(accepted, key=lambda one: one["violating"] / one["n"])
    share = worst["violating"] / worst["n"]
    return passed(
        f"all {counted_as(len(accepted), 'accepted relation')} hold; most violated, by {share:.2%} of "
        f"{worst['n']:,} rows with {worst['allowed']:.2%} allowed: {worst['sentence']}",
        0,
        0,
    )


def _why(one: RelationFacts) -> str:
    return f" ({lack})" if (lack := one.get("lack")) else ""


def _too_many(one: RelationFacts) -> bool:
    return bool(one["violating"] / one["n"] > one["allowed"])


def _bad_parts(one: RelationFacts) -> list[PartFacts]:
    """The worst group and day, where nearly all their rows violate the relation and that is no chance."""
    parts = (one["worst"].get("group"), one["worst"].get("day"))
    return [
        part
        for part in parts
        if part
        and part["violating"] > MOST_OF_GROUP * part["n"]
        and chance(part["violating"], part["n"], one["allowed"]) < CHANCE
    ]


def chance(count: int, n: int, share: float) -> float:
    """An upper bound of the probability of `count` or more of `n` rows at a share: Chernoff's, exp(-n·KL).

    It is above the exact binomial tail, so a group is never judged worse than it is.
    """
    share = max(share, 1e-6)
    if count <= share * n:
        return 1.0
    found = count / n
    distance = found * math.log(found / share)
    if found < 1:
        distance += (1 - found) * math.log((1 - found) / (1 - share))
    return math.exp(-n * distance)


BROKEN_SHARE, BROKEN_TIMES, BROKEN_CHANCE, BROKEN_AFTER = 0.005, 3, 1e-6, 4
"""When a relation that no one accepted counts as broken: the least share of rows, how many times the usual share, how
rarely chance gives it, and in how many sprints it must have held before."""


def broke(now: Violations, before: Sequence[Violations]) -> bool:
    """Whether a relation that held in every earlier sprint no longer does.

    before: earlier sprints, in any order. Sprints in which it could not be compared count for nothing; so does `now`
    with fewer rows than are needed to judge it.
    """
    past = [one for one in before if one.n]
    if len(past) < BROKEN_AFTER or now.n < LEAST_ROWS or any((one.share or 0) > HOLDS for one in past):
        return False
    usual = (sum(one.violating for one in past) + 0.5) / (sum(one.n for one in past) + 1)
    share = now.violating / now.n
    return (
        share > max(BROKEN_SHARE, BROKEN_TIMES * usual)
        and chance(now.violating, now.n, usual) < BROKEN_CHANCE
    )


def _described(one: RelationFacts) -> str:
    """The relation, how many rows violate it, and where most of them are."""
    bad = _bad_parts(one)
    worst = one["worst"]
    places = []
    group, day = worst.get("group"), worst.get("day")
    on = worst.get("on") or one["source"]
    if group:
        places.append(f"with {group['by']} {group['value']} ({group['violating']:,} of {group['n']:,})")
    if day:
        places.append(f"on {day['value']} ({day['violating']:,} of {day['n']:,})")
    share = one["violating"] / one["n"]
    text = (
        f"{one['sentence']}: {one['violating']:,} of {counted_as(one['n'], 'row')} violate it "
        f"({share:.2%}, allowed: {one['allowed']:.2%})"
    )
    if places:
        text += f", above all rows of {on} {' and '.join(places)}"
    if bad and not _too_many(one):
        text += f"; more than {MOST_OF_GROUP:.0%} of the rows of one {'group' if group in bad else 'day'} is too many"
    return text


RULE = Rule(
    code="DQ107",
    name="keeps_accepted_relations",
    judges="profiles",
    practice="1.2",
    severity=Severity.WARN,
    why="Every value can be within its bounds and still be wrong: delays in hours instead of minutes, a code renamed "
    "in one source only, times shifted by an hour. What columns and sources say of each other shows it.",
    remedy="look at the rows of the group and day named; have the file sent again, or, where the source has changed "
    "for good, take the relation out of the contract's quality list or change its `allowed`",
    judge=_holds,
)
