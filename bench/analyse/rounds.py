"""Contenders measured in turns, so that what else the machine does hits all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Runs once and returns the seconds that count.
Contender = Callable[[], float]


@dataclass(frozen=True)
class Times:
    """Seconds of every round, by contender."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Return the median of one contender."""
        return statistics.median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> tuple[float, float, float]:
        """Return how many times as fast: of the medians, and the least and most of a round."""
        each = [a / b for a, b in zip(self.seconds[slow], self.seconds[fast], strict=True)]
        return self.median(slow) / self.median(fast), min(each), max(each)

    def table(self, baselines: tuple[str, ...]) -> str:
        """Return Markdown: median seconds, and the ratio to each baseline with its range."""
        head = " | ".join(f"as fast as {name}" for name in baselines)
        lines = [f"| | median, s | {head} |", "| --- " * (2 + len(baselines)) + "|"]
        for name in self.seconds:
            ratios = " | ".join(self._words(base, name) for base in baselines)
            lines.append(f"| {name} | {self.median(name):.3g} | {ratios} |")
        return "\n".join(lines)

    def _words(self, base: str, name: str) -> str:
        if base == name or base not in self.seconds:
            return "1" if base == name else "-"
        ratio, least, most = self.ratio(base, name)
        return f"{ratio:.2f} ({least:.2f}-{most:.2f})"


def measure(contenders: Mapping[str, Contender], rounds: int) -> Times:
    """Run every contender once unmeasured, then all in turns, `rounds` times."""
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
        done = ", ".join(f"{name} {times[-1]:.3g}" for name, times in seconds.items())
        print(f"  round {number + 1} of {rounds}, s: {done}", flush=True)
    return Times(seconds)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Contender:
    """Make a contender of a function."""

    def run() -> float:
        begun = clock()
        work()
        return clock() - begun

    return run


def machine() -> str:
    """Return what the figures were taken on."""
    load = os.getloadavg()
    return f"{os.cpu_count()} cores, load {load[0]:.1f} {load[1]:.1f} {load[2]:.1f}"
