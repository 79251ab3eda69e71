"""A simulated year, to say how often the drift verdict is wrong: seeded, and through the code that judges real sprints.

The world has a year of history and then a year to be judged, a window a sprint. Of 20 features 14 are numbers and 6 are
categories. Every feature's mean (or its shares) changes from sprint to sprint with some memory, has a pattern of the
week within each window, and a season of the year; two numbers are strongly seasonal, as temperature is. Missing shares
change from sprint to sprint. A champion gives calibrated probabilities but for a season in the base rate that it does
not know. The reference is the last twelve sprints of the history and stays for the whole judged year, which is harder
than life: the champion is never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sprintline.learning.tasks import BINARY, task_named
from sprintline.monitoring import concept, drift, drift_statistics
from sprintline.product.spec import DriftSpec

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = tuple(f"number_{i:02d}" for i in range(14))
CATEGORIES = tuple(f"category_{i}" for i in range(6))
STRONG = NUMBERS[-2:]
"""Strongly seasonal: their mean swings by a whole standard deviation each way."""

LEVELS = np.array(["a", "b", "c", "d"])


@dataclass(frozen=True)
class Setting:
    """A world's measures. rows: of a window. windows: of a year. learned: that the reference holds. change: standard
    deviation of a feature's mean from sprint to sprint, in its own; memory: its autocorrelation. season: largest yearly
    swing of an ordinary feature each way.
    """

    rows: int = 1500
    windows: int = 26
    learned: int = 12
    change: float = 0.04
    memory: float = 0.3
    season: float = 0.1


@dataclass
class World:
    """History, reference and what is ordinary, from a seed. Any window can be drawn, as often as one likes."""

    seed: int
    setting: Setting = field(default_factory=Setting)
    spec: DriftSpec = field(default_factory=DriftSpec)

    def __post_init__(self) -> None:
        draw, s = np.random.default_rng([self.seed, 0]), self.setting
        total = 2 * s.windows
        count = len(NUMBERS) + len(CATEGORIES) + 1  # the last is the base rate
        swing = draw.uniform(0, s.season, count)
        swing[len(NUMBERS) - len(STRONG) : len(NUMBERS)] = 1.0
        phase, time = draw.uniform(0, 2 * np.pi, count), np.arange(total)[:, None]
        noise = np.zeros((total, count))
        for at in range(total):
            fresh = draw.normal(0, s.change, count)
            noise[at] = fresh if at == 0 else s.memory * noise[at - 1] + np.sqrt(1 - s.memory**2) * fresh
        self.mean = swing * np.sin(2 * np.pi * time / s.windows + phase) + noise
        self.gone = 0.02 * np.exp(draw.normal(0, 0.3, (total, len(NUMBERS) + len(CATEGORIES))))
        self.weekly = draw.uniform(0, 0.5, len(NUMBERS))
        self.shares = draw.dirichlet(np.full(len(LEVELS), 4.0), len(CATEGORIES))
        self.beta = draw.normal(0, 0.5, len(NUMBERS))
        import pandas as pd

        history = [(f"{at:04d}", self.window(at)[0]) for at in range(s.windows)]
        learned = pd.concat([frame.assign(sprint=key) for key, frame in history[-s.learned :]])
        most = min(len(learned), 12_000)
        self.reference = learned.sample(most, random_state=self.seed).reset_index(drop=True)
        self.null = drift_statistics.learn(self.reference, history, NUMBERS, CATEGORIES, s.rows, self.seed)

    def window(self, at: int, fault: Fault | None = None) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Features, labels and the champion's probabilities of one window, with a fault or without."""
        import pandas as pd

        draw, rows = np.random.default_rng([self.seed, 1, at]), self.setting.rows
        day = draw.integers(0, 7, rows)[:, None]
        numbers = draw.normal(size=(rows, len(NUMBERS))) + self.weekly * np.sin(2 * np.pi * day / 7)
        numbers += self.mean[at, : len(NUMBERS)]
        frame = pd.DataFrame(dict(zip(NUMBERS, numbers.T, strict=True)))
        for place, name in enumerate(CATEGORIES):
            tilt = self.mean[at, len(NUMBERS) + place]
            share = self.shares[place] * np.exp(tilt * np.array([1, -1, 0.5, -0.5]))
            frame[name] = draw.choice(LEVELS, rows, p=share / share.sum())
        logit = -1.2 + (numbers - self.mean[at, : len(NUMBERS)]) @ self.beta
        chance = 1 / (1 + np.exp(-logit))
        truth = 1 / (1 + np.exp(-logit - self.mean[at, -1]))
        if fault:
            truth = fault.plant(frame, truth, np.random.default_rng([self.seed, 2, at]))
        label = (draw.random(rows) < truth).astype(float)
        hidden = draw.random((rows, len(NUMBERS) + len(CATEGORIES))) < self.gone[at]
        return frame.mask(hidden), label, chance

    def judge(self, at: int, fault: Fault | None, recent: Sequence[Any]) -> tuple[drift.Window, Any]:
        """One window judged as a real sprint is. recent: (labels, probabilities) of the windows before it."""
        frame, label, chance = self.window(at, fault)
        said = concept.replay([*recent, (label, chance)], task_named(BINARY))
        report = self.report(frame)
        statistics = drift.statistics_of(report, self.null, self.spec)
        found = drift.judge_window(
            statistics, len(frame), len(self.null.sprints), self.spec, said.why if said.drifting else None
        )
        return found, (label, chance)

    def report(self, frame: pd.DataFrame) -> dict[str, Any]:
        """A report of the shape `reports.py` keeps, with the same statistics straight from SciPy: Evidently's own
        bookkeeping would take most of a simulated year. A test holds the two equal.
        """
        from scipy.stats import chisquare, ks_2samp

        metrics = []

        def add(name: str, method: str, value: float) -> None:
            metrics.append({"config": {"column": name, "method": method}, "value": float(value)})

        for name in NUMBERS:
            now, was = (np.sort(side[name].dropna().to_numpy()) for side in (frame, self.reference))
            add(name, "wasserstein", drift_statistics.wasserstein(now, was))
        for name in CATEGORIES:
            here, there = frame[name].dropna(), self.reference[name].dropna()
            add(name, "jensenshannon", drift_statistics.jensen_shannon(here, there))
        for name in (*NUMBERS, *CATEGORIES):
            add(name, "missing", frame[name].isna().mean())
        report = {
            "metrics": metrics,
            "compared_rows": len(frame),
            "compared_reference_rows": len(self.reference),
            "correlations": {
                "pairs": drift_statistics.pairs_of(NUMBERS),
                "values": drift_statistics.upper(drift_statistics.rank_correlations(frame, NUMBERS)).tolist(),
            },
        }
        for name in drift.far_columns(report, self.null, self.spec):
            here, there = frame[name].dropna(), self.reference[name].dropna()
            if name in NUMBERS:
                add(name, "ks", ks_2samp(there, here, method="asymp").pvalue)
            else:
                levels = sorted(set(here) | set(there))
                counted = [side.value_counts().reindex(levels, fill_value=0) for side in (here, there)]
                expected = counted[1] / len(there) * len(here)
                add(name, "chisquare", chisquare(counted[0], expected).pvalue if expected.all() else 0.0)
        return report


@dataclass(frozen=True)
class Fault:
    """A change planted into a window. plant: changes the frame in place and gives the true chances after it."""

    name: str
    plant: Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]


def _shift(name: str) -> Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]:
    def plant(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        # The feature moves, the answers stay as they were.
        frame[name] += 0.5 * frame[name].std()
        return truth

    return plant


def _turn(name: str) -> Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]:
    def plant(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        hit = draw.random(len(frame)) < 0.3
        frame.loc[hit, name] = frame.loc[hit, name].map(dict(zip(LEVELS, np.roll(LEVELS, 1), strict=True)))
        return truth

    return plant


def _swap(name: str) -> Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]:
    def plant(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        frame.loc[draw.random(len(frame)) < 0.3, name] = LEVELS[0]
        return truth

    return plant


def _correlate(one: str, other: str) -> Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]:
    def plant(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        first, second = frame[one], frame[other]
        # The second keeps its mean and spread: nothing changes but how the two go together.
        z = (first - first.mean()) / first.std()
        w = (second - second.mean()) / second.std()
        frame[other] = (0.7 * z + np.sqrt(1 - 0.7**2) * w) * second.std() + second.mean()
        return truth

    return plant


def _burst(name: str) -> Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]:
    def plant(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        frame.loc[draw.random(len(frame)) < 0.3, name] = None
        return truth

    return plant


def _flip(frame: Any, truth: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return np.asarray(1 - truth)


def faults(seed: int) -> list[Fault]:
    """One fault of each kind, on features that the seed chooses; the last two are measured without a required rate."""
    draw = np.random.default_rng([seed, 3])
    ordinary = [name for name in NUMBERS if name not in STRONG]
    one, other = draw.choice(ordinary, 2, replace=False)
    number, category = draw.choice(ordinary), draw.choice(CATEGORIES)
    return [
        Fault("shift of 0.5 standard deviations", _shift(number)),
        Fault("30 % of rows to one category", _swap(category)),
        Fault("correlation 0 to 0.7", _correlate(one, other)),
        Fault("30 % of values missing", _burst(number)),
        Fault("answers flipped", _flip),
        Fault("shift of a strongly seasonal feature", _shift(STRONG[0])),
        Fault("30 % of rows to the next category", _turn(category)),
    ]


WANTED = 0.95
EXEMPT = ("shift of a strongly seasonal feature", "30 % of rows to the next category")
"""Told, not asked for. What moves by 0.5 in a feature whose season moves it by 1 each way looks like its season; and
where categories are about as frequent, moving each to the next leaves their shares, all that is compared, nearly alike.
"""


def year(world: World) -> dict[str, Any]:
    """The judged year without a fault: windows that drifted, and episodes of confirmed drift, each a false alarm."""
    before: list[bool | None] = []
    recent: list[Any] = []
    states: list[drift.Drift] = []
    ways: list[str] = []
    for at in range(world.setting.windows, 2 * world.setting.windows):
        found, answers = world.judge(at, None, recent[1 - world.spec.window :])
        states.append(drift.verdict(found, before, world.spec)[0])
        ways += found.ways
        before.append(found.drifting)
        recent.append(answers)
    opened = [
        now is drift.Drift.CONFIRMED and (place == 0 or states[place - 1] is not drift.Drift.CONFIRMED)
        for place, now in enumerate(states)
    ]
    return {
        "windows": len(states),
        "drifting": sum(b is True for b in before),
        "alarms": sum(opened),
        "ways": ways,
    }


def caught(world: World, fault: Fault, onset: int, within: int = 2) -> int | None:
    """In which window from its onset a lasting fault is confirmed (1 is the onset itself); None if in none."""
    recent = [world.window(onset - 1)[1:]]
    before: list[bool | None] = [False] * (world.spec.window - 1)
    for delay in range(within):
        found, answers = world.judge(onset + delay, fault, recent)
        if drift.verdict(found, before, world.spec)[0] is drift.Drift.CONFIRMED:
            return delay + 1
        before.append(found.drifting)
        recent.append(answers)
    return None


def simulate(worlds: int, onsets: int, setting: Setting | None = None, seed: int = 1) -> dict[str, Any]:
    """False alarms per year and the share of faults caught within two windows, over some worlds and onsets in each."""
    setting, years = setting or Setting(), []
    delays: dict[str, list[int | None]] = {}
    for number in range(worlds):
        world = World(seed + number, setting)
        years.append(year(world))
        draw = np.random.default_rng([seed + number, 4])
        for _ in range(onsets):
            onset = int(draw.integers(setting.windows, 2 * setting.windows - 2))
            for fault in faults(int(draw.integers(2**31))):
                delays.setdefault(fault.name, []).append(caught(world, fault, onset))
    alarms = [one["alarms"] for one in years]
    return {
        "setting": vars(setting),
        "years": worlds,
        "windows": sum(one["windows"] for one in years),
        "drifting_windows": sum(one["drifting"] for one in years),
        "false_alarms_per_year": float(np.mean(alarms)),
        "most_false_alarms_in_a_year": int(max(alarms)),
        "ways": {way: sum(one["ways"].count(way) for one in years) for way in ("many", "alone", "concept")},
        "faults": {name: _told(found) for name, found in delays.items()},
    }


def _told(found: Sequence[int | None]) -> dict[str, Any]:
    hits = [one for one in found if one is not None]
    return {
        "planted": len(found),
        "caught": len(hits),
        "rate": len(hits) / len(found),
        "mean_delay_windows": float(np.mean(hits)) if hits else None,
    }


def misses(result: Mapping[str, Any]) -> list[str]:
    """What a simulation shows to fall short of the line: two false alarms a year, 95 % caught within two windows."""
    found = []
    if result["most_false_alarms_in_a_year"] > 2:
        found.append(
            f"a year had {result['most_false_alarms_in_a_year']} false alarms, at most 2 are allowed"
        )
    for name, one in result["faults"].items():
        if name not in EXEMPT and one["rate"] < WANTED:
            found.append(f"{name}: {one['caught']} of {one['planted']} caught within two windows")
    return found
