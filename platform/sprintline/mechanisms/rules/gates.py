"""Gates: a named list of rules that must pass for a step to happen. The step itself asks, and a gate fails closed.

A rule counts for a gate only when its verdict is a pass *and* judged the data that is there now. No verdict, an
insufficient one, a verdict on an older data version, or data that no one measured keep the gate shut. So does a verdict
or a measurement of the scope that is not as it was written, of any rule. A waiver is a
person's decision to go on in spite of a judgement: it opens the gate for a judged `fail` or `insufficient` while it
lasts, and never stands in for a judgement that was not made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from sprintline.mechanisms.ledger.changed_records import Changed
from sprintline.mechanisms.rules.verdicts import Verdict


@dataclass(frozen=True, order=True)
class Need:
    """One rule that a gate asks for, on one asset (its last name: `questions`, `carrier_delays`)."""

    code: str
    asset: str

    def __str__(self) -> str:
        return f"{self.code} on {self.asset}"


@dataclass(frozen=True)
class Waiver:
    """A person's decision to accept what a rule says of a product, for a time.

    Attributes:
        code: the rule that is waived.
        approver: who answers for it; a waiver without a name is none.
        reason: why, in a sentence.
        expires: the last UTC day on which it helps (a date), or the first moment at which it no longer does (aware).
        asset: the one asset it is meant for; empty for every asset the rule judges.
        withdrawn: who took it back and why; empty while it stands.
    """

    code: str
    approver: str
    reason: str
    expires: date | datetime
    asset: str = ""
    withdrawn: str = ""

    @property
    def until(self) -> datetime:
        """First moment at which the waiver no longer helps."""
        if isinstance(self.expires, datetime):
            return self.expires if self.expires.tzinfo else self.expires.replace(tzinfo=UTC)
        return datetime.combine(self.expires + timedelta(days=1), time(), tzinfo=UTC)

    def covers(self, need: Need) -> bool:
        """Whether it was meant for this rule on this asset, whatever the date."""
        return self.code == need.code and self.asset in ("", need.asset) and bool(self.approver.strip())


@dataclass(frozen=True)
class GateDecision:
    """Whether a gate is open, and why.

    Attributes:
        open: whether the step may happen.
        reasons: what keeps it shut, a sentence per need; for what a waiver let through, who approved it and until when.
        missing: the needs that keep it shut.
        waived: the needs that only a waiver let through.
    """

    open: bool
    reasons: tuple[str, ...] = ()
    missing: tuple[Need, ...] = field(default=())
    waived: tuple[Need, ...] = field(default=())


class DeclaredWaiver(Protocol):
    """A waiver as a product declares it (`product.spec.Waiver`); `expires` is an ISO day."""

    @property
    def approver(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def expires(self) -> str: ...


class DeclaredRule(Protocol):
    """What a product says of a rule (`product.spec.RuleOverride`)."""

    @property
    def waiver(self) -> DeclaredWaiver | None: ...


def waivers_of(declared: Mapping[str, DeclaredRule]) -> tuple[Waiver, ...]:
    """The waivers among a product's declared rules, by code."""
    found = ((code, rule.waiver) for code, rule in sorted(declared.items()))
    return tuple(
        Waiver(code, w.approver, w.reason, date.fromisoformat(w.expires))
        for code, w in found
        if w is not None
    )


def decide(
    name: str,
    needed: Iterable[Need],
    verdicts: Iterable[Verdict],
    current_versions: Mapping[str, str],
    waivers: Iterable[Waiver] = (),
    now: datetime | None = None,
    changed: Iterable[Changed] = (),
) -> GateDecision:
    """Ask the gate.

    Args:
        name: the gate, as people call it (`done`, `promotion`); it stands in the reasons.
        needed: the rules it asks for, each on its asset. None at all keeps the gate shut: a gate that asks for nothing
            is a gate that somebody forgot to fill.
        verdicts: the latest verdicts of one product and sprint. A rule with several subjects on an asset needs all.
        current_versions: data version of each asset as measured now.
        waivers: those of the product, expired ones included, so that an expired one is reported.
        now: aware moment at which waivers are judged; without it no waiver helps.
        changed: verdicts and measurements of the scope that are not as they were written. No waiver covers them.
    """
    by_need: dict[Need, list[Verdict]] = {}
    for verdict in verdicts:
        by_need.setdefault(Need(verdict.code, verdict.asset), []).append(verdict)
    wanted, granted = sorted(set(needed)), tuple(waivers)
    if not wanted:
        return GateDecision(False, (f"the gate {name} asks for no rule, so nothing supports the step",))
    reasons: list[str] = []
    missing: list[Need] = []
    waived: list[Need] = []
    for need in wanted:
        why, judged = _objection(need, by_need.get(need, []), current_versions.get(need.asset))
        if why is None:
            continue
        waiver, note = _waiver_for(need, granted, now)
        if waiver is not None and judged:
            waived.append(need)
            reasons.append(
                f"{need}: waived by {waiver.approver} until {waiver.until:%Y-%m-%d %H:%M} UTC ({waiver.reason}): {why}"
            )
            continue
        if waiver is not None:
            note = f"; the waiver of {waiver.approver} accepts a verdict, it cannot replace a missing one"
        missing.append(need)
        reasons.append(f"{need}: {why}{note}")
    spoiled = [_changed(one) for one in changed if one.counts]
    return GateDecision(not missing and not spoiled, (*spoiled, *reasons), tuple(missing), tuple(waived))


def _changed(one: Changed) -> str:
    asset = one.of.partition(" on ")[2].partition(" (")[0] or one.of
    return (
        f"{one.sentence}: materialize {asset} again with its checks, or restore a backup; `sprintline ledger verify` "
        "names all such records"
    )


def _objection(need: Need, verdicts: list[Verdict], version: str | None) -> tuple[str | None, bool]:
    """Why the need is not met (None when it is), and whether the data that is there was judged."""
    if not verdicts:
        return "no verdict", False
    if version is None:
        return f"{need.asset} was judged, but no data of it is on record now", False
    stale = [verdict for verdict in verdicts if verdict.data_version != version]
    if stale:
        return (
            f"stale: the verdict is on data version {stale[0].data_version or 'unknown'}, "
            f"{need.asset} now holds {version}"
        ), False
    bad = [verdict for verdict in verdicts if not verdict.passes]
    if not bad:
        return None, True
    told = [
        f"{verdict.outcome}{f' ({verdict.subject})' if verdict.subject else ''}: {verdict.sentence}"
        for verdict in bad
    ]
    rest = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return "; ".join(told[:3]) + rest, True


def _waiver_for(need: Need, waivers: Iterable[Waiver], now: datetime | None) -> tuple[Waiver | None, str]:
    """A waiver in force for the need; otherwise what to say of one that has run out."""
    meant = sorted((w for w in waivers if w.covers(need)), key=lambda w: (not w.withdrawn, w.until))
    if not meant:
        return None, ""
    last = meant[-1]
    if last.withdrawn:
        return None, f"; the waiver of {last.approver} was withdrawn by {last.withdrawn}"
    if now is not None and now < last.until:
        return last, ""
    return None, f"; the waiver of {last.approver} ended {last.until:%Y-%m-%d %H:%M} UTC"
