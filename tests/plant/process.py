"""The process behind the instruments: targets, first-order approach, seeded noise.

Pure functions: time is an argument (plant time, seconds since the epoch). The same seed gives the
same values at the same plant seconds, however often they are read.
"""

import dataclasses
import math
import random
from typing import Optional

_NOISE_LENGTH = 4096  # plant seconds until the noise repeats
_SETTLED = math.log(100.0)  # `within D`: 99 % of the step is done after D


@dataclasses.dataclass(frozen=True)
class Variable:
    unit: str
    steady: float
    sigma: float  # standard deviation of the noise at --noise 1
    low: Optional[float] = 0.0  # lower bound of the noisy value


# fmt: off
VARIABLES = {
    # the sinter stack
    "so2":      Variable("mg/m3", 20.0, 0.6),
    "no":       Variable("mg/m3", 12.0, 0.4),
    "no2":      Variable("mg/m3", 2.0, 0.1),
    "nox":      Variable("mg/m3", 30.0, 0.8),
    "o2":       Variable("%", 16.0, 0.05),
    "pm":       Variable("mg/m3", 5.0, 0.15),
    "temp":     Variable("degC", 120.0, 0.5, None),
    "pressure": Variable("kPa", -0.5, 0.01, None),
    "humidity": Variable("%", 8.0, 0.1),
    "velocity": Variable("m/s", 12.0, 0.15),
    # the coating line
    "nmhc":     Variable("ppm", 40.0, 0.8),
    "thc":      Variable("ppm", 60.0, 1.0),
    "ch4":      Variable("ppm", 20.0, 0.4),
    # the wastewater outlet
    "cod":      Variable("mg/L", 30.0, 0.8),
    "nh3n":     Variable("mg/L", 1.0, 0.03),
    "tp":       Variable("mg/L", 0.2, 0.005),
    "tn":       Variable("mg/L", 8.0, 0.2),
    "ph":       Variable("", 7.4, 0.02),
    "wtemp":    Variable("degC", 18.0, 0.05, None),
    "flow":     Variable("L/s", 20.0, 0.3),
    # grows with the flow
    "total":    Variable("m3", 100000.0, 0.0),
}
# fmt: on


class _Track:
    """One variable that moves from `origin` to `target`; `held` overrides both."""

    def __init__(self, value):
        self.origin = self.target = value
        self.since = 0.0
        self.tau = 0.0
        self.held = None

    def at(self, t):
        if self.held is not None:
            return self.held
        if self.tau <= 0.0:
            return self.target
        left = math.exp(-max(t - self.since, 0.0) / self.tau)
        return self.target + (self.origin - self.target) * left


class Process:
    def __init__(self, start, seed=1, noise=1.0):
        self.noise = noise
        self._tracks = {name: _Track(v.steady) for name, v in VARIABLES.items()}
        self._noise = {name: _noise_table(seed, name) for name in VARIABLES}
        self._start = self._summed = start

    def move(self, name, target, within, t):
        """Gives a variable a new target; ends a hold."""
        track = self._tracks[name]
        track.origin, track.since = track.at(t), t
        track.target, track.tau = target, within / _SETTLED
        track.held = None

    def hold(self, name, value):
        """Fixes a variable, without noise."""
        self._tracks[name].held = value

    def release(self, name):
        track = self._tracks[name]
        if name == "total" and track.held is not None:
            track.target = track.held
        track.held = None

    def held(self, name):
        return self._tracks[name].held is not None

    def value(self, name, t):
        track = self._tracks[name]
        value = track.at(t)
        if track.held is not None or self.noise == 0.0:
            return value
        variable = VARIABLES[name]
        second = int(t - self._start) % _NOISE_LENGTH
        value += self._noise[name][second] * variable.sigma * self.noise
        return value if variable.low is None else max(value, variable.low)

    def values(self, t):
        return {name: self.value(name, t) for name in VARIABLES}

    def run_total(self, t):
        """Adds the flow since the last call to the total."""
        passed = t - self._summed
        if passed <= 0.0:
            return
        steps = min(max(math.ceil(passed / 10.0), 1), 1000)
        width = passed / steps
        litres = sum(self.value("flow", self._summed + (i + 0.5) * width) for i in range(steps))
        self._summed = t
        if math.isfinite(litres):
            self._tracks["total"].target += litres * width / 1000.0


def _noise_table(seed, name):
    rng = random.Random(f"{seed}/{name}")
    return [min(max(rng.gauss(0.0, 1.0), -3.0), 3.0) for _ in range(_NOISE_LENGTH)]
