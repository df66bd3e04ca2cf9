"""One atom or ion in one trap: when it arrives, when it is lost, and whether it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..sequences.program import to_ps
from .draws import Draws

NEVER_PS = 2**62


@dataclass
class Trap:
    """A single particle. Waiting times are drawn when loading begins, so that nobody has to step through them.

    Loss is exponential with the trap's lifetime: memoryless, hence exact however a run is cut into pieces.

    Args:
        draws: this node's random stream.
        lifetime_s: mean time until the particle is lost.
        load_mean_s: mean time from the start of loading until a particle is there.
        load_shape: shape of the gamma distribution of that time; 1 is exponential, more is more regular.
    """

    draws: Draws
    lifetime_s: float
    load_mean_s: float
    load_shape: float
    loading: bool = False
    bright: bool | None = None
    """What a projection left: True bright, False dark, None not projected."""
    _arrives_ps: int = field(default=NEVER_PS, init=False)
    lost_ps: int = field(default=0, init=False)
    """When the particle is, or was, lost."""

    def present(self, now_ps: int) -> bool:
        """Whether a particle is in the trap; while loading goes on, the next one follows one that was lost."""
        while self.loading and self.lost_ps <= now_ps:
            self._await_particle(self.lost_ps)
        return self._arrives_ps <= now_ps < self.lost_ps

    def set_loading(self, on: bool, now_ps: int) -> None:
        """Begin or end loading. Beginning does nothing while a particle is there; ending before it has arrived means that none comes."""
        if on and not self.loading and not self.present(now_ps):
            self._await_particle(now_ps)
        elif not on and self._arrives_ps > now_ps:
            self._arrives_ps, self.lost_ps = NEVER_PS, 0
        self.loading = on

    def _await_particle(self, from_ps: int) -> None:
        self._arrives_ps = from_ps + to_ps(self.draws.gamma(self.load_shape, self.load_mean_s))
        self.lost_ps = self._arrives_ps + to_ps(self.draws.exponential() * self.lifetime_s)
        self.bright = None

    def empty(self, now_ps: int) -> None:
        """Throw the particle out, or lose it."""
        if self._arrives_ps <= now_ps:
            self.lost_ps = min(self.lost_ps, now_ps)
