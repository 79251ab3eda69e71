"""Waive, approve and attest as jobs of the Dagster UI: the launchpad shows what is asked for.

A required field that is empty is refused when the job is launched: Dagster resolves the config before it makes a run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

import dagster as dg
from dagster._config.errors import PostProcessingError
from pydantic import Field

from sprintline.base.people import person
from sprintline.governance import decide as acts
from sprintline.governance.acts import ActError
from sprintline.product.runtime import Runtime
from sprintline.product.spec import INCREMENT

_BY = (
    "who records the decision, a name or an address: they may only write down what the approver or attester decided. "
    "Empty: the run's tag `user`, else the user of the operating system that runs the platform"
)
_APPROVER = (
    "required: who answers for the decision, a name or an address like sam.okafor@example.org; it stays in the ledger, "
    "and who launches the job may be somebody else (`by`)"
)
_EXPIRES = "required: last UTC day on which it is valid, like 2026-12-31; at most 366 days ahead"
_APPROVER_FIX = "name who answers for the decision, like sam.okafor@example.org"
_EXPIRES_FIX = "name the last UTC day on which it is valid, like 2026-12-31"
_SPRINT_FIX = "name the sprint, like 2013-S07"


class Decided(dg.Config):
    """A decision. needed: what to write into a field that must not be empty, by its name."""

    needed: ClassVar[dict[str, str]] = {}

    @classmethod
    def empty(cls, said: Mapping[str, Any]) -> list[str]:
        """What is wrong with the fields that are empty or blank, a sentence each."""
        return [f"{name} is empty: {fix}" for name, fix in cls.needed.items() if not str(said[name]).strip()]


class WaiveConfig(Decided):
    """A waiver: gates open in spite of a rule, for a time."""

    needed: ClassVar[dict[str, str]] = {
        "code": "name the rule, like DQ102",
        "reason": "say why in a sentence",
        "expires": _EXPIRES_FIX,
        "approver": _APPROVER_FIX,
    }

    code: str = Field(default="", description="required: code of the rule, like DQ102")
    asset: str = Field(
        default="", description="the one asset it is meant for; empty for every asset the rule judges"
    )
    reason: str = Field(default="", description="required: why, in a sentence")
    expires: str = Field(default="", description=_EXPIRES)
    approver: str = Field(default="", description=_APPROVER)
    by: str = Field(default="", description=_BY)
    withdraw: bool = Field(
        default=False,
        description="take the waiver back instead; needs code, asset (as it was waived) and reason, no more",
    )

    @classmethod
    def empty(cls, said: Mapping[str, Any]) -> list[str]:
        """What is wrong; a withdrawal has no expiry and no approver of its own."""
        wrong = super().empty(said)
        return [one for one in wrong if one.startswith(("code ", "reason "))] if said["withdraw"] else wrong


class ApproveConfig(Decided):
    """An approval: a named person looked at one asset's sprint and accepts it as it is."""

    needed: ClassVar[dict[str, str]] = {
        "sprint": _SPRINT_FIX,
        "asset": f"name the asset that was looked at, like {INCREMENT}",
        "reason": "say what was looked at and found",
        "expires": _EXPIRES_FIX,
        "approver": _APPROVER_FIX,
    }

    sprint: str = Field(default="", description="required: the sprint, like 2013-S07")
    asset: str = Field(default=INCREMENT, description="required: the asset that was looked at")
    reason: str = Field(default="", description="required: what was looked at and found")
    expires: str = Field(default="", description=_EXPIRES)
    approver: str = Field(default="", description=_APPROVER)
    by: str = Field(default="", description=_BY)


class AttestConfig(Decided):
    """An attestation: a claim that a rule asks a person for, with its evidence."""

    needed: ClassVar[dict[str, str]] = {
        "code": "name the rule that requires it, like DL702",
        "sprint": _SPRINT_FIX,
        "claim": "say in a sentence what is claimed",
        "evidence": "give a link, or a path where others find it",
        "attester": "name who claims it, like dana.reyes@example.org",
    }

    code: str = Field(default="", description="required: code of the rule that requires it, like DL702")
    sprint: str = Field(default="", description="required: the sprint, like 2013-S07")
    asset: str = Field(
        default="", description="the one asset it is about; empty where the rule judges only one"
    )
    claim: str = Field(default="", description="required: what is claimed, in a sentence")
    evidence: str = Field(default="", description="required: a link, or a path where others find it")
    expires: str = Field(default="", description="last UTC day on which it is valid; empty: no expiry")
    attester: str = Field(
        default="", description="required: who claims it and answers for it, a name or an address"
    )
    by: str = Field(default="", description=_BY)


class Filled(dg.Shape):
    """The schema of a decision, which refuses empty fields while the config is resolved.

    Dagster does that for a launch before it makes the run, so nothing is recorded. Shapes of the same fields are one
    object to Dagster; this one is its own, for the decision that it belongs to.
    """

    def __new__(cls, *_args: Any, **_options: Any) -> "Filled":
        made = object.__new__(cls)
        made._initialized = False
        return made

    def __init__(self, decided: type[Decided]) -> None:
        self.decided = decided
        shape = cast(dg.Shape, decided.to_config_schema().as_field().config_type)
        super().__init__(shape.fields, decided.__doc__)

    def post_process(self, value: dict[str, Any]) -> dict[str, Any]:
        """The value as it is. Raises PostProcessingError, with a sentence for each field that is empty."""
        if wrong := self.decided.empty(value):
            raise PostProcessingError("; ".join(wrong))
        return value


def jobs(runtime: Runtime, assets: Sequence[Any]) -> Iterator[dg.JobDefinition]:
    """The three jobs of a product, their launchpad filled with every field."""

    def waive(actor: str, withdraw: bool, **said: str) -> acts.Act:
        if withdraw:
            return acts.withdraw(
                runtime, actor, code=said["code"], asset=said["asset"], reason=said["reason"]
            )
        return acts.waive(runtime, actor, **said)

    def approve(actor: str, **said: str) -> acts.Act:
        return acts.approve(runtime, actor, **said)

    def attest(actor: str, **said: str) -> acts.Act:
        return acts.attest(runtime, actor, **said)

    yield _job(runtime, "waive", WaiveConfig, waive)
    yield _job(runtime, "approve", ApproveConfig, approve)
    yield _job(runtime, "attest", AttestConfig, attest)


def _job(
    runtime: Runtime, name: str, config: type[Decided], act: Callable[..., acts.Act]
) -> dg.JobDefinition:
    told = f"{config.__doc__} Recorded in the ledger, as `sprintline {name}` records it."

    @dg.op(
        name=f"{runtime.product}__{name}",
        description=told,
        config_schema=dg.Field(Filled(config)),
        out=dg.Out(dg.Nothing),
    )
    def decided(context: dg.OpExecutionContext) -> None:
        said = dict(context.op_config)
        actor = person(str(said.pop("by")), context.run.tags)
        try:
            done = act(actor, **said)
        except ActError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        for sentence in done.sentences:
            context.log.info(sentence)
        context.add_output_metadata({"event": done.event.seq, "recorded": "\n\n".join(done.sentences)})

    @dg.job(
        name=f"{runtime.product}_{name}",
        description=told,
        config=dg.RunConfig(ops={f"{runtime.product}__{name}": config()}),
    )
    def deciding() -> None:
        decided()

    return deciding
