"""Decisions by people: waive, approve, attest. What may be asked for, and what of it stands.

A waiver lets a gate open in spite of a rule, for a time. An approval says that a named person looked at one data
version and accepts it; when the data changes, it speaks of something else and no longer stands. An attestation is a
claim that a rule asks a person for, with the evidence it depends on. All are events of the ledger (kinds `waiver`,
`waiver_withdrawn`, `approval`, `attestation`); what is wrong with one is reported the same way wherever it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sprintline.governance.events import APPROVAL
from sprintline.mechanisms.declaration.located_yaml import suggest
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.waivers import granted

LONGEST_TEXT = 500
LONGEST_NAME = 120
MOST_DAYS = 366
"""A decision that lasts longer is a change of the rule: that belongs into the product's declaration, under review."""


class ActError(ValueError):
    """A decision that cannot be recorded; the message names every mistake and what would be right."""


def waiver(
    *, code: str, asset: str, reason: str, expires: str, approver: str, now: datetime,
    judged: Mapping[str, Collection[str]],
) -> dict[str, Any]:  # fmt: skip
    """The body of a waiver.

    Args:
        code: the rule. asset: the one asset it is meant for; empty for every asset the rule judges.
        reason: why, in a sentence. expires: last UTC day on which it helps, `YYYY-MM-DD`. approver: who answers for it.
        now: aware moment of the platform's clock.
        judged: assets by the code of the rule that judges them.

    Raises:
        ActError: naming all that is wrong.
    """
    body = {
        "code": code.strip(),
        "asset": asset.strip(),
        "approver": approver.strip(),
        "reason": reason.strip(),
        "expires": expires.strip(),
    }
    wrong = _rule(body["code"], body["asset"], judged)
    wrong += _name("approver", body["approver"])
    wrong += _text("reason", body["reason"])
    wrong += _expiry(body["expires"], now, needed=True)
    return _sound(body, wrong)


def approval(
    *, asset: str, data_version: str | None, reason: str, expires: str, approver: str, now: datetime,
    assets: Collection[str],
) -> dict[str, Any]:  # fmt: skip
    """The body of an approval of one asset's sprint, bound to the data version that is there.

    Raises:
        ActError: naming all that is wrong; also when nothing of the asset was recorded for the sprint.
    """
    body = {
        "asset": asset.strip(),
        "data_version": data_version,
        "approver": approver.strip(),
        "reason": reason.strip(),
        "expires": expires.strip(),
    }
    wrong = []
    if body["asset"] not in assets:
        wrong.append(f"there is no asset {asset.strip() or '(empty)'}: {suggest(asset, sorted(assets))}")
    elif not data_version:
        wrong.append(f"nothing of {asset} was recorded for this sprint yet, so there is nothing to approve")
    wrong += _name("approver", body["approver"] or "")
    wrong += _text("reason", body["reason"] or "")
    wrong += _expiry(body["expires"] or "", now, needed=True)
    return _sound(body, wrong)


def attestation(
    *, code: str, asset: str, claim: str, evidence: str, expires: str, attester: str, about: str | None, now: datetime,
    judged: Mapping[str, Collection[str]],
) -> dict[str, Any]:  # fmt: skip
    """The body of an attestation: what a person claims for a rule, and where the evidence lies.

    Args:
        evidence: a link, or a path inside the state folder. expires: may be empty: a fact of the past stays one.
        about: data version of what it speaks of; None when nothing is there.

    Raises:
        ActError: naming all that is wrong.
    """
    body = {
        "code": code.strip(),
        "asset": asset.strip(),
        "attester": attester.strip(),
        "claim": claim.strip(),
        "evidence": evidence.strip(),
        "expires": expires.strip(),
        "about": about,
    }
    wrong = _rule(code.strip(), asset.strip(), judged)
    wrong += _name("attester", attester.strip())
    wrong += _text("claim", claim.strip())
    wrong += _text("evidence", evidence.strip(), "give a link or a path where others find it")
    wrong += _expiry(expires.strip(), now, needed=False)
    return _sound(body, wrong)


def withdrawal(
    *, code: str, asset: str, reason: str, events: Iterable[Event], now: datetime
) -> dict[str, Any]:
    """The body of the withdrawal of every waiver in force for a rule on an asset (empty: the one for all its assets).

    Raises:
        ActError: no such waiver is in force in the ledger, or no reason is given.
    """
    wrong = _text("reason", reason.strip())
    wanted = code.strip(), asset.strip()
    standing = [
        one for one in granted(events) if (one.waiver.code, one.waiver.asset) == wanted and one.in_force(now)
    ]
    if not standing:
        where = f"{wanted[0] or 'the rule'} on {wanted[1] or 'every asset it judges'}"
        wrong.append(
            f"no waiver of {where} is in force in the ledger: `sprintline waivers` lists them (one that is declared in "
            "defs.yaml is withdrawn by removing it there)"
        )
    body = {
        "code": wanted[0],
        "asset": wanted[1],
        "reason": reason.strip(),
        "waivers": [one.event for one in standing],
    }
    return _sound(body, wrong)


def approval_of(
    events: Iterable[Event], asset: str, data_version: str | None, now: datetime
) -> dict[str, Any] | None:
    """The newest approval of an asset among the events of one sprint, and whether it stands; None without one."""
    found = [event for event in events if event.kind == APPROVAL and event.body["asset"] == asset]
    if not found:
        return None
    body = found[-1].body
    until = _end_of(date.fromisoformat(body["expires"]))
    why = ""
    if body["data_version"] != data_version:
        why = "the data has changed since"
    elif now >= until:
        why = f"it ended {until:%Y-%m-%d %H:%M} UTC"
    return {
        "by": body["approver"], "reason": body["reason"], "at": found[-1].platform_time.isoformat(),
        "expires": body["expires"],
        "stands": not why, "why_not": why or None,
    }  # fmt: skip


def named(what: str, name: str) -> str:
    """A person's name or address, bare. Raises ActError."""
    _sound({}, _name(what, name.strip()))
    return name.strip()


def worded(what: str, text: str) -> str:
    """A reason, bare. Raises ActError."""
    _sound({}, _text(what, text.strip()))
    return text.strip()


# --- what can be wrong ----------------------------------------------------------------------------------------------


def _sound(body: dict[str, Any], wrong: list[str]) -> dict[str, Any]:
    if wrong:
        raise ActError("; ".join(wrong))
    return body


def _rule(code: str, asset: str, judged: Mapping[str, Collection[str]]) -> list[str]:
    if not code:
        return ["no rule is named: give its code, like DQ101"]
    if code not in judged:
        return [f"there is no rule {code}: {suggest(code, sorted(judged))}"]
    if asset and asset not in judged[code]:
        if not judged[code]:
            return [f"{code} judges no asset of this product, so there is nothing to decide"]
        return [f"{code} does not judge {asset}: {suggest(asset, sorted(judged[code]))}"]
    return []


def _name(what: str, name: str) -> list[str]:
    if not name:
        return [f"no {what} is named: a decision has a person who answers for it"]
    if len(name) > LONGEST_NAME or "\n" in name:
        return [
            f"the {what} has {len(name)} characters: write a name or an address, at most {LONGEST_NAME} on one line"
        ]
    return []


def _text(what: str, text: str, fix: str = "say it in a sentence") -> list[str]:
    if not text:
        return [f"the {what} is empty: {fix}"]
    if len(text) > LONGEST_TEXT:
        return [
            f"the {what} has {len(text)} characters: at most {LONGEST_TEXT}, put the rest where the evidence is"
        ]
    return []


def _expiry(text: str, now: datetime, needed: bool) -> list[str]:
    if not text:
        return (
            ["no expiry is given: name the last day on which it is valid, like 2026-12-31"] if needed else []
        )
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return [
            f"{text} is not a date: write the last day on which it is valid as year-month-day, like 2026-12-31"
        ]
    today = now.astimezone(UTC).date()
    if day < today:
        return [f"it would have expired on {day}: today is {today}, name a day from then on"]
    if (day - today).days > MOST_DAYS:
        return [f"{day} is more than {MOST_DAYS} days ahead: name a nearer day and decide again then"]
    return []


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
