"""Waive, approve and attest as jobs of the Dagster UI: the launchpad shows what is asked for."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from sprintline.base.people import person
from sprintline.governance import decide as acts
from sprintline.governance.acts import ActError
from sprintline.product.runtime import Runtime
from sprintline.product.spec import INCREMENT

_BY = "who does this; empty for the run's `user` tag, else the user who runs the platform"
_EXPIRES = "last UTC day on which it is valid, like 2026-12-31"


class WaiveConfig(dg.Config):
    """A waiver: gates open in spite of a rule, for a time."""

    code: str = Field(default="", description="code of the rule, like DQ102")
    asset: str = Field(
        default="", description="the one asset it is meant for; empty for every asset the rule judges"
    )
    reason: str = Field(default="", description="why, in a sentence")
    expires: str = Field(default="", description=_EXPIRES)
    approver: str = Field(default="", description="who answers for it")
    by: str = Field(default="", description=_BY)
    withdraw: bool = Field(
        default=False, description="take the waiver back instead; needs code, asset and reason"
    )


class ApproveConfig(dg.Config):
    """An approval: a named person looked at one asset's sprint and accepts it as it is."""

    sprint: str = Field(default="", description="the sprint, like 2013-S07")
    asset: str = Field(default=INCREMENT, description="the asset that was looked at")
    reason: str = Field(default="", description="what was looked at and found")
    expires: str = Field(default="", description=_EXPIRES)
    approver: str = Field(default="", description="who answers for it")
    by: str = Field(default="", description=_BY)


class AttestConfig(dg.Config):
    """An attestation: a claim that a rule asks a person for, with its evidence."""

    code: str = Field(default="", description="code of the rule that requires it, like DL702")
    sprint: str = Field(default="", description="the sprint, like 2013-S07")
    asset: str = Field(
        default="", description="the one asset it is about; empty where the rule judges only one"
    )
    claim: str = Field(default="", description="what is claimed, in a sentence")
    evidence: str = Field(default="", description="a link, or a path where others find it")
    expires: str = Field(default="", description="last UTC day on which it is valid; empty: no expiry")
    attester: str = Field(default="", description="who claims it")
    by: str = Field(default="", description=_BY)


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
    runtime: Runtime, name: str, config: type[dg.Config], act: Callable[..., acts.Act]
) -> dg.JobDefinition:
    told = f"{config.__doc__} Recorded in the ledger, as `sprintline {name}` records it."

    @dg.op(
        name=f"{runtime.product}__{name}",
        description=told,
        config_schema=config.to_config_schema().as_field(),
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
