"""Rules and verdicts: a rule has a stable code and a pure function from evidence to a judgement.

Three outcomes. Missing evidence is `insufficient`, which never counts as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sprintline.mechanisms.rules.scope import Scope, sprint_of


class Outcome(StrEnum):
    """What a rule found; `insufficient` represents missing evidence and never counts as a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


class Severity(StrEnum):
    """`error` stops what lies downstream in the same run; `warn` lets it go on. Neither lets a gate open."""

    ERROR = "error"
    WARN = "warn"


@dataclass(frozen=True)
class Judgement:
    """What a rule says of its evidence, before anybody knows which sprint it was.

    observed and threshold: the measured figure and the line it was compared with, as shown to people.
    sentence: one sentence with its numbers.
    """

    outcome: Outcome
    sentence: str
    observed: Any = None
    threshold: Any = None


def passed(sentence: str, observed: Any = None, threshold: Any = None) -> Judgement:
    """A judgement that the claim holds, with its figure and the line it was compared with."""
    return Judgement(Outcome.PASS, sentence, observed, threshold)


def failed(sentence: str, observed: Any = None, threshold: Any = None) -> Judgement:
    """A judgement that the claim does not hold, with its figure and the line it was compared with."""
    return Judgement(Outcome.FAIL, sentence, observed, threshold)


def insufficient(sentence: str, observed: Any = None, threshold: Any = None) -> Judgement:
    """A judgement that there is too little evidence to say; the sentence names what is missing."""
    return Judgement(Outcome.INSUFFICIENT, sentence, observed, threshold)


Judge = Callable[[Mapping[str, Any], Any], Judgement]


def to_all(context: Any) -> bool:
    """Every product."""
    return True


def in_every_scope(context: Any, key: str) -> bool:
    """Every scope owes the rule."""
    return True


@dataclass(frozen=True)
class Rule:
    """A coded claim about one kind of asset.

    code: stable, cited by tests and docs (`DQ101`).
    name: the claim, as a Dagster check name (`keeps_its_contract`).
    judges: name of the kind of asset it judges (`mechanisms.rules.kinds`): source, model, feature_view, candidate, ...
    practice: rows of the practice list it serves (`1.5`).
    threshold: default line; a product may move it.
    gates: names of the gates that stay shut while it does not pass: `done`, `promotion`, ...; empty for none.
    tracked: whether what it finds becomes an item of the backlog.
    per_sprint: a failure in one sprint says nothing of the next, so each sprint is an item by itself.
    remedy: one line on what to do about a failure.
    applies: whether the rule applies to a product; `declares(PlanSpec)`: to those that have the file of this spec. To
        others it has no check, no gate requires it, and nothing of it is missing. Its docstring says to which.
    owed: whether a gate asks for it in a scope, given its key. Where it does not, the rule is judged all the same,
        and a verdict of it opens and shuts nothing.
    why: what goes wrong in a sprint when no one makes this claim, in a sentence or two.
    judge: evidence, threshold -> Judgement. Pure.
    """

    code: str
    name: str
    judges: str
    practice: str
    remedy: str
    judge: Judge
    severity: Severity = Severity.ERROR
    threshold: Any = None
    gates: tuple[str, ...] = ("done",)
    tracked: bool = True
    per_sprint: bool = False
    applies: Callable[[Any], bool] = to_all
    owed: Callable[[Any, str], bool] = in_every_scope
    why: str = ""

    @property
    def done(self) -> bool:
        """Whether it belongs to the Definition of Done of a sprint."""
        return "done" in self.gates

    @property
    def applies_to(self) -> str:
        """The products it applies to, in words."""
        said = getattr(self.applies, "products", "") or self.applies.__doc__ or "some products"
        return str(said).splitlines()[0].rstrip(".")

    @property
    def claim(self) -> str:
        """The claim in words: `keeps its contract`."""
        return self.name.replace("_", " ")

    def __call__(self, evidence: Mapping[str, Any] | None, threshold: Any = None) -> Judgement:
        """Judge; a missing piece of evidence reads `insufficient`, naming it."""
        line = self.threshold if threshold is None else threshold
        if evidence is None:
            return insufficient("nothing was recorded to judge", threshold=line)
        try:
            return self.judge(evidence, line)
        except MissingEvidence as missing:
            return insufficient(str(missing), threshold=line)


class MissingEvidence(LookupError):
    """Evidence that a rule asked for is not there."""


def need(evidence: Mapping[str, Any], name: str) -> Any:
    """A piece of evidence. Raises MissingEvidence when it is absent or None."""
    value = evidence.get(name)
    if value is None:
        raise MissingEvidence(f"no evidence: {name.replace('_', ' ')} was not recorded")
    return value


@dataclass(frozen=True)
class Verdict:
    """A judgement with its place: which product, scope and asset, and the data version that was judged.

    A bare key in place of a scope is a sprint's.
    """

    product: str
    scope: Scope
    code: str
    asset: str
    outcome: Outcome
    severity: Severity
    sentence: str
    data_version: str
    subject: str = ""
    observed: Any = field(default=None, compare=False)
    threshold: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scope", Scope.of(self.scope))

    @property
    def passes(self) -> bool:
        return self.outcome is Outcome.PASS

    @property
    def sprint(self) -> str:
        """The sprint that was judged. Raises ValueError for a verdict of another scope."""
        return sprint_of(self.scope)
