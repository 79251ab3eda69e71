"""The page of rules: a place for each, to which the codes on the other pages lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.delivery.recorded import Recorded
from sprintline.mechanisms.context import Override
from sprintline.mechanisms.reports.document import Document, Fact, Facts, Paragraph, Section
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import to_all
from sprintline.product.runtime import Runtime


def gather_rules(runtime: Runtime, _sprint: str | None) -> Document | None:
    """Every rule with severity and threshold as the product has them, a place each; None before it has any sprint."""
    if not runtime[Recorded].rows:
        return None
    return rules_document(runtime.spec.title, runtime.overrides)


def rules_document(title: str, overrides: Mapping[str, Override]) -> Document:
    """Every rule. overrides: what a product changes in rules, by code."""
    rules: list[dict[str, Any]] = []
    for code, rule in sorted(all_rules().items()):
        own = overrides.get(code)
        threshold = own.threshold if own and own.threshold is not None else rule.threshold
        rules.append(
            {
                "code": code,
                "claim": rule.claim,
                "why": rule.why,
                "remedy": f"{rule.remedy[0].upper()}{rule.remedy[1:]}.",
                "facts": [
                    ("judges", rule.judges.replace("_", " ")),
                    *([] if rule.applies is to_all else [("applies to", rule.applies_to)]),
                    ("reads", kinds()[rule.judges].reads),
                    ("severity", str(own.severity if own and own.severity else rule.severity)),
                    ("threshold", "none" if threshold is None else f"{threshold:g}"),
                    ("gates", ", ".join(rule.gates) or "none"),
                ],
            }
        )
    sections = tuple(
        Section(
            f"{one['code']}: {one['claim']}",
            (
                Paragraph(one["why"]),
                Facts(tuple(Fact(*fact) for fact in one["facts"])),
                Paragraph(f"What to do: {one['remedy']}"),
            ),
        )
        for one in rules
    )
    return Document(f"Rules, {title}", sections, {"rules": rules})
