"""One atom or ion in one trap: when it arrives, when it is lost, and whether it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..sequences.program import to_ps
from .draws import Draws

NEVER_PS = 2**62


@dataclass(repr=False)  # a loss at the time of a readout is an outcome
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
    arrives_ps: int = field(default=NEVER_PS, init=False)
    """When the particle came, or will come."""
    lost_ps: int = field(default=0, init=False)
    """When the particle is, or was, lost."""
    _outcome: bool | None = field(default=None, init=False)
    _projected_ps: int = field(default=0, init=False)
    _projected_nothing: bool = field(default=False, init=False)

    def present(self, now_ps: int) -> bool:
        """Whether a particle is in the trap; while loading goes on, the next one follows one that was lost."""
        while self.loading and self.lost_ps <= now_ps:
            self._await_particle(self.lost_ps)
        return self.arrives_ps <= now_ps < self.lost_ps

    def set_loading(self, on: bool, now_ps: int) -> None:
        """Begin or end loading. Beginning does nothing while a particle is there; ending before it has arrived means that none comes."""
        present = self.present(now_ps)  # asked in any case: what loading has brought so far must not depend on who has looked
        if on and not self.loading and not present:
            self._await_particle(now_ps)
        elif not on and self.arrives_ps > now_ps:
            self.arrives_ps, self.lost_ps = NEVER_PS, 0
        self.loading = on

    def set_lifetime(self, lifetime_s: float, now_ps: int) -> None:
        """Another mean time until a loss, from now on; what is left of the time that was drawn stretches or shrinks with it."""
        if lifetime_s == self.lifetime_s:
            return
        stretch = lifetime_s / self.lifetime_s
        self.lifetime_s = lifetime_s
        begins_ps = max(now_ps, self.arrives_ps)
        if self.arrives_ps < NEVER_PS and self.lost_ps > begins_ps:
            self.lost_ps = begins_ps + round((self.lost_ps - begins_ps) * stretch)

    def _await_particle(self, from_ps: int) -> None:
        self.arrives_ps = from_ps + to_ps(self.draws.gamma(self.load_shape, self.load_mean_s))
        self.lost_ps = self.arrives_ps + to_ps(self.draws.exponential() * self.lifetime_s)

    def empty(self, now_ps: int) -> None:
        """Throw the particle out, and with it what a projection left."""
        self._outcome = None
        if self.present(now_ps):
            self.lost_ps = now_ps

    def project(self, bright: bool, at_ps: int) -> None:
        """Leave the outcome of a projection behind, readout errors included."""
        self._outcome, self._projected_ps, self._projected_nothing = bright, at_ps, not self.present(at_ps)

    def forget(self) -> None:
        """Erase what a projection left."""
        self._outcome = None

    def fluoresces(self, start_ps: int, end_ps: int) -> bool:
        """Whether a look from ``start_ps`` to ``end_ps`` finds a bright particle.

        An outcome decides until its particle is lost or another one has come; loss during the look is one of its errors (``missed``).
        """
        there = self.present(start_ps)
        if there and self.arrives_ps > self._projected_ps:
            self._outcome = None
        if self._outcome is None:
            return self.present(end_ps)
        return self._outcome and (there or self._projected_nothing)
