"""The timings of both platforms, in seconds; everything that waits or is timed takes its number from here."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .config_values import Count, Part, Time, TimeOrZero


class Timings(Part, ABC):
    """Timings that both platforms have."""

    attempt: Time
    """Period of the excitation attempts."""
    pump_start: TimeOrZero
    """From the start of an attempt to the pump light."""
    pump: Time
    """How long the pump light is on."""
    excitation: TimeOrZero
    """From the start of an attempt to the entangling pulse, at the node with the longer fibre; the other one waits for it."""
    excitation_pulse: Time
    """Length of the entangling pulse, or of the window that picks it."""
    gate_start: TimeOrZero
    """From the pulse, as it would arrive at the detectors, to the opening of their gate."""
    gate: Time
    """How long photons are accepted."""
    attempts_per_burst: Count
    """Attempts between two coolings."""
    attempt_limit: Count
    """After so many attempts without a herald the sequencer returns, so that monitors can act."""
    burst_cooling: Time
    """Cooling and presence check after each burst."""
    herald_latency: TimeOrZero
    """From the closing of the gate to the herald's being known."""
    lead: TimeOrZero
    """From a trigger to the first light, which gives the lines time for their delays."""
    input_delay: TimeOrZero
    """From the moment an input may be drawn to the input standing."""
    coherence_limit: Time
    """The projection must lie within this time of the herald."""
    isolation_timeout: Time
    """If the node is not isolated by then, the round ends with the fallback output."""
    fluorescence: Time
    """Photon counting that decides whether a particle is bright: the outcome."""
    load_poll: Time
    """Pause between two looks for a newly loaded particle; a look is as long as the readout's, with its threshold."""
    load_timeout: Time
    """Without a particle by then, loading has failed."""
    load_cooling: TimeOrZero
    """Cooling and state preparation after loading."""
    check_interval: Time
    """At least so often every instrument of a node is asked whether it is ready; between rounds only."""
    retry_interval: Time
    """Pause between two such questions while something is not ready."""
    patience: Time
    """A node that has not been ready for so long ends the run."""

    @property
    def mean_attempt(self) -> float:
        """Seconds that an attempt takes on the mean, with its share of the cooling after its burst."""
        return self.attempt + self.burst_cooling / self.attempts_per_burst

    @property
    @abstractmethod
    def projection(self) -> float:
        """Seconds from the accepted herald to the end of the projection, by plan."""

    @property
    @abstractmethod
    def isolation(self) -> float:
        """Seconds that the hardware needs to isolate the node."""


class Rb87Timings(Timings):
    """Timings of a trapped-atom link."""

    readout_delay: TimeOrZero
    """From the input to the start of the readout pulse."""
    readout_pulse: Time
    """Readout and ionisation pulse."""
    shutter_time: Time
    """Reaction time of the output shutter."""
    empty_trap: Time
    """Trap off, so that nothing is left in it."""

    @property
    def projection(self) -> float:
        """Input, wait, readout pulse."""
        return self.input_delay + self.readout_delay + self.readout_pulse

    @property
    def isolation(self) -> float:
        """The shutter's reaction."""
        return self.shutter_time


class Sr88Timings(Timings):
    """Timings of a trapped-ion link."""

    repump_start: TimeOrZero
    """From the start of an attempt to the repump light."""
    repump: Time
    """How long the repump light is on."""
    shuttle: Time
    """Ion out of the focus of the fibre, settled."""
    round_type: Time
    """Slot for Bob's message to Alice; fixed, so that its traffic tells nothing."""
    rotation: Time
    """Qubit rotation into the measurement basis; the same for every input."""
    scramble: Time
    """Deshelving and cooling light that erases the outcome."""
    reconnect: Time
    """Ion back into the focus of the fibre, settled."""
    recool: Time
    """Cooling and state check before the next attempts."""
    recalibration_interval: Time
    """From the end of one recalibration to the start of the next."""
    recalibration: Time
    """How long a recalibration takes."""

    @property
    def projection(self) -> float:
        """Shuttle, round type, input, rotation."""
        return self.shuttle + self.round_type + self.input_delay + self.rotation

    @property
    def isolation(self) -> float:
        """The shuttle out of the focus."""
        return self.shuttle
