"""How often the promotion gate's interval is wrong, and how often it sees a gain, in simulated sprints.

A sprint is some days of questions. Two models see the truth through noise whose size changes from day to day, for each
model by itself: on some days one ranks better, on others the other. In a world without a difference both are made
alike, so every sure gain or loss is an error; in a world with one the new model's noise is smaller. In correlated
worlds good and bad days come in spells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.enough import LEAST_OF_EITHER
from sprintline.learning.metrics import Interval, paired_bootstrap
from sprintline.learning.tasks.binary import TASK

Floats = NDArray[np.float64]

DAYS = (5, 8, 14, 30)
"""Lengths of a sprint in days, each a block."""

SPELLS = (0.0, 0.5, 0.8)
"""Autocorrelation of a model's good and bad days from one day to the next: independent, and two kinds of spells."""


@dataclass(frozen=True)
class World:
    """One kind of sprint.

    days: blocks. rows: questions of a day. spell: autocorrelation of a model's luck from day to day. luck: standard
    deviation of the logarithm of its noise over the days. noise: of both models, in logits; gain: by how much the new
    model's is smaller.
    """

    days: int
    rows: int = 60
    spell: float = 0.0
    luck: float = 0.4
    noise: float = 1.2
    gain: float = 0.0


def sprint(world: World, random: np.random.Generator) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Outcomes, probabilities of the new and of the old model, and the day of each question."""
    day = np.repeat(np.arange(world.days), world.rows)
    truth = random.normal(-1.0, 1.5, len(day))
    label = (random.random(len(day)) < 1 / (1 + np.exp(-truth))).astype(float)
    new, old = (
        1 / (1 + np.exp(-(truth + noise * _luck(world, random)[day] * random.normal(size=len(day)))))
        for noise in (world.noise - world.gain, world.noise)
    )
    return label, new, old, day


def _luck(world: World, random: np.random.Generator) -> Floats:
    """What multiplies a model's noise on each day: an AR(1) series in logarithms, stationary from its first day on."""
    steps = random.normal(size=world.days)
    steps[1:] *= sqrt(1 - world.spell**2)
    series = np.empty(world.days)
    last = 0.0
    for at, step in enumerate(steps):
        last = step + (world.spell * last if at else 0.0)
        series[at] = last
    return np.exp(world.luck * series)


def measured(world: World, metric: str, sprints: int, seed: int, draws: int = 500) -> dict[str, Any]:
    """Shares of simulated sprints in which the 95 % interval shows a gain or a loss, and what there was to be seen."""
    found: list[Interval] = []
    for number in range(sprints):
        label, new, old, day = sprint(world, np.random.default_rng([seed, number]))
        found.append(paired_bootstrap(label, new, old, metric, blocks=day, draws=draws, seed=number))
    return {
        "days": world.days,
        "spell": world.spell,
        "metric": metric,
        "sprints": sprints,
        "gain": float(np.mean([one.difference for one in found])),
        "sure_gains": sum(one.sure_gain for one in found) / sprints,
        "sure_losses": sum(one.sure_loss for one in found) / sprints,
        "width": float(np.mean([one.high - one.low for one in found])),
        "together": float(np.mean([one.together for one in found])),
    }


GAIN = 0.4
"""How much smaller the new model's noise is where there is a gain to be seen."""


GAIN_OF_ONE = 1.1
"""The same where a day has one question: the new model hardly has any noise, as against a table of rates."""


def simulate(sprints: int, seed: int = 1, days: Iterable[int] = DAYS, draws: int = 500) -> dict[str, Any]:
    """Type I error and power for each length, kind of days and metric."""
    cells = []
    for length in days:
        for spell in SPELLS:
            for metric in TASK.reported:
                none = measured(World(length, spell=spell), metric, sprints, seed, draws)
                some = measured(World(length, spell=spell, gain=GAIN), metric, sprints, seed + 1, draws)
                cells.append(
                    {
                        "days": length,
                        "spell": spell,
                        "metric": metric,
                        "type_i": none["sure_gains"] + none["sure_losses"],
                        "false_gains": none["sure_gains"],
                        "power": some["sure_gains"],
                        "gain": some["gain"],
                        "width": none["width"],
                        "together": none["together"],
                    }
                )
    return {
        "sprints": sprints,
        "seed": seed,
        "draws": draws,
        "world": asdict(World(0)) | {"gain": GAIN},
        "autocorrelation": {str(spell): daily_autocorrelation(spell) for spell in SPELLS},
        "cells": cells,
        "one_a_day": one_a_day(sprints, seed, draws),
        "probes": probes(),
    }


ONE_A_DAY = (20, 30, 46, 92, 184)
"""Days of a sprint with one question a day."""


def one_a_day(sprints: int, seed: int = 1, draws: int = 500) -> list[dict[str, Any]]:
    """False gains and power where each day is one row, in the sprints that the gate compares at all.

    The error that counts is among all sprints: one that is not compared promotes nothing.
    """
    cells = []
    for days in ONE_A_DAY:
        for spell in SPELLS[:2]:
            found: dict[float, list[float]] = {0.0: [], GAIN_OF_ONE: []}
            compared = 0
            for gain, sure in found.items():
                world = World(days, rows=1, spell=spell, gain=gain)
                for number in range(sprints):
                    label, new, old, day = sprint(world, np.random.default_rng([seed, number, days]))
                    if min(label.sum(), len(label) - label.sum()) < LEAST_OF_EITHER:
                        continue
                    compared += not gain
                    one = paired_bootstrap(
                        label, new, old, TASK.decides, blocks=day, draws=draws, seed=number
                    )
                    sure.append(float(one.sure_gain))
            cells.append(
                {
                    "days": days,
                    "spell": spell,
                    "metric": TASK.decides,
                    "compared": compared / sprints,
                    "false_gains": sum(found[0.0]) / sprints,
                    "false_gains_compared": sum(found[0.0]) / max(1, compared),
                    "power": sum(found[GAIN_OF_ONE]) / sprints,
                }
            )
    return cells


def daily_autocorrelation(spell: float, days: int = 20_000) -> float:
    """Lag-1 autocorrelation of the daily difference of the Brier score, over one very long sprint."""
    world = World(days, spell=spell)
    label, new, old, _ = sprint(world, np.random.default_rng(5))
    loss = ((old - label) ** 2 - (new - label) ** 2).reshape(days, world.rows).mean(axis=1)
    return float(np.corrcoef(loss[1:], loss[:-1])[0, 1])


def probes() -> list[list[float]]:
    """Bounds of a few intervals: they change when the interval is computed in another way."""
    found = []
    for metric in TASK.reported:
        for spell in SPELLS:
            label, new, old, day = sprint(World(14, spell=spell, gain=GAIN), np.random.default_rng(7))
            one = paired_bootstrap(label, new, old, metric, blocks=day, draws=200)
            found.append([round(one.low, 6), round(one.high, 6)])
    return found


MOST = {0.0: 0.035, 0.5: 0.06}
"""False gains at most, for days of each kind: 2.5 % would be exact. Spells that last longer than a short sprint cannot
be seen in it: the longest are reported and have no limit."""

CHANCE = 3.0
"""Standard errors of a simulated share that are put down to chance."""


def misses(result: Mapping[str, Any]) -> list[str]:
    """Where the false gains of a simulation are beyond the limit by more than chance."""
    found = []
    for cell in (*result["cells"], *result.get("one_a_day", ())):
        most = MOST.get(cell["spell"], 1.0)
        if cell["false_gains"] > most + CHANCE * sqrt(most * (1 - most) / result["sprints"]):
            found.append(
                f"{cell['metric']}, {cell['days']} days, {kind(cell['spell'])}: {cell['false_gains']:.1%} false gains, "
                f"at most {most:.1%} are allowed"
            )
    return found


def kind(spell: float) -> str:
    """The days of a world in words."""
    return f"correlated {spell:g}" if spell else "independent"
