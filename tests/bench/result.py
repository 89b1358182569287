"""What a benchmark says: one JSON line, always with the baseline of the same run."""

import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Result = dict[str, Any]
Measure = Callable[[], Awaitable[float]]


def result(
    bench: str, rates: Sequence[float], baseline: str, baseline_rates: Sequence[float], n: int
) -> Result:
    """The medians of both, a second, and their ratio. `n`: units in one round."""
    rate, baseline_rate = statistics.median(rates), statistics.median(baseline_rates)
    return {
        "bench": bench,
        "rate": round(rate, 1),
        "baseline": baseline,
        "baseline_rate": round(baseline_rate, 1),
        "ratio": round(rate / baseline_rate, 3),
        "n": n,
        "cores": os.cpu_count(),
    }


async def alternate(rounds: int, *measures: Measure) -> list[list[float]]:
    """Measures in turn, so that a machine that drifts drifts for all of them."""
    rates: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for number, measure in enumerate(measures):
            rates[number].append(await measure())
    return rates
