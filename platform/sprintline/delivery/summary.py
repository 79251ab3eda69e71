"""What the Dagster UI shows of an increment and of the backlog before their tables: a few lines, with links.

The UI shows a Markdown text at once when it is shorter than `SHOWN_AT_ONCE`, and behind a click when it is longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from sprintline.base import settings
from sprintline.base.words import counted_as, shortened
from sprintline.mechanisms.backlog.items import Item
from sprintline.mechanisms.reports.document import Items
from sprintline.mechanisms.reports.render import part_markdown
from sprintline.mechanisms.rules.gates import GateDecision, Need
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.terms import INSUFFICIENT
from sprintline.mechanisms.rules.verdicts import Outcome, Verdict
from sprintline.product.spec import INCREMENT

SHOWN_AT_ONCE = 1000
REASONS = 3
"""As many reasons are shown; the others are in `missing`."""
LONGEST = (160, 120, 80, 40)
"""Characters of a reason: the first of these with which the whole is shown at once; the last where none is."""

_ORDER = {Outcome.FAIL: 0, Outcome.INSUFFICIENT: 1, Outcome.PASS: 2}


def summary(product: str, sprint: str, gate: GateDecision, verdicts: Iterable[Verdict]) -> str:
    """Whether a sprint is Done, what fails, and the first reasons, as Markdown that is shown at once."""
    judged = list(verdicts)
    texts = [_summary(product, sprint, gate, judged, most) for most in LONGEST]
    return next((one for one in texts if len(one) < SHOWN_AT_ONCE), texts[-1])


def _summary(product: str, sprint: str, gate: GateDecision, judged: list[Verdict], most: int) -> str:
    by_need = {Need(one.code, one.asset): one.outcome for one in judged}
    waived = {str(need) for need in gate.waived}
    of = f"{len(judged)} verdicts"
    if gate.open:
        but = f"; {counted_as(len(waived), 'rule')} waived (see `missing`)" if waived else ""
        return f"**{sprint} is Done.** {of}, every rule that Done requires passes{but}."
    kept = [reason for reason in gate.reasons if reason.split(": ")[0] not in waived]
    places = {str(need): need for need in gate.missing}
    ranked = sorted(kept, key=lambda one: _rank(one, places, by_need))
    found = [by_need.get(need) for need in gate.missing]
    fails, little = found.count(Outcome.FAIL), found.count(Outcome.INSUFFICIENT)
    counts = [
        f"{counted_as(fails, 'rule')} fail" + ("s" if fails == 1 else "") if fails else "",
        f"{counted_as(little, 'rule')} with insufficient evidence" if little else "",
        f"{len(kept) - fails - little} without a verdict that counts" if len(kept) > fails + little else "",
    ]
    lines = [f"**{sprint} is not Done:** {', '.join(filter(None, counts))} ({of})."]
    lines += [
        "",
        *(f"{n}. {_reason(product, one, places, most)}" for n, one in enumerate(ranked[:REASONS], 1)),
        "",
    ]
    if len(kept) > REASONS:
        lines.append(f"And {len(kept) - REASONS} more: `missing` has all.")
    if little:
        lines.append(f"{INSUFFICIENT}.")
    return "\n".join(lines)


def first_failing(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts with those first that do not pass."""
    return sorted(verdicts, key=lambda one: _ORDER[one.outcome])


def linked(product: str, items: Iterable[Item]) -> str:
    """The open items as a Markdown list of links: to the check, and to the last sprint that showed it."""
    return part_markdown(Items(tuple(_linked(product, one) for one in items)))


def check_page(product: str, asset: str, code: str) -> str:
    """Where the UI shows a rule's check on an asset: its claim, its fix and its past; empty for no rule."""
    rule = all_rules().get(code)
    name = f"{code}_{rule.name}" if rule else ""
    return f"/assets/{product}/{asset}?{urlencode({'view': 'checks', 'checkDetail': name})}" if rule else ""


def sprint_page(product: str, sprint: str) -> str:
    """Where the UI shows a sprint's increment."""
    return f"/assets/{product}/{INCREMENT}?{urlencode({'view': 'events', 'partition': sprint})}"


def rule_pages() -> str:
    """The list of all rules' pages in the clone; empty where it is not there."""
    place = settings.ROOT / "docs" / "rules" / "README.md"
    return str(place) if place.is_file() else ""


def _rank(reason: str, places: Mapping[str, Need], outcomes: Mapping[Need, Outcome]) -> int:
    need = places.get(reason.split(": ")[0])
    return -1 if need is None else _ORDER.get(outcomes.get(need, Outcome.FAIL), 0)


def _reason(product: str, reason: str, places: Mapping[str, Need], most: int) -> str:
    place, _, why = " ".join(reason.split()).partition(": ")
    if (need := places.get(place)) is None:
        return shortened(reason, most)
    return f"[{place}]({check_page(product, need.asset, need.code)}): {shortened(why, most)}"


def _linked(product: str, item: Item) -> str:
    last = f"[{item.last}]({sprint_page(product, item.last)})"
    if page := check_page(product, item.asset, item.code):
        return f"{item.id} [{item.code} on {item.asset}]({page}) in {last}, docs/rules/{item.code}.md"
    return f"{item.id} {item.what} in {last}"
