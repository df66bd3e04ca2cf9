"""The physics in force: a preset, moved by what the ports say.

AOM power and lasers move the excitation, a shutter or a shuttled ion the transmission, a paddle the fibre's rotation, gates and detectors
the efficiency and the darks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from ..sequences.program import PS_PER_S, AttemptLoop
from .clicks import ClickTimings, timings_of
from .physics.disturbed import DARK_RATE, PHOTON_OFFSET, disturbed
from .physics.parameters import BsmParameters, LinkParameters, NodeParameters, Side
from .physics.preset import Preset
from .physics.states import excitation_probability, gate_capture, mode_overlap
from .ports import BeamPort, CurrentPort, DetectorPort, Port, RotatorPort, ShutterPort

_SIDES: tuple[Side, Side] = ("alice", "bob")


class Optics:
    """Works out the parameters of the link from its ports.

    Args:
        preset: the calibrated physics.
        ports: of the world, by slot.
    """

    def __init__(self, preset: Preset, ports: Mapping[str, Port]) -> None:
        self._preset = preset
        self._ports = ports
        self._calibrated = preset.link_parameters()
        self._extra_darks = 0.0
        self._drifted_late: dict[Side, float] = {"alice": 0.0, "bob": 0.0}
        self.base = self._calibrated
        """The link without what the ports add: as calibrated, and as disturbed since."""

    def disturb(self, values: Mapping[str, float]) -> None:
        """Move the calibrated link; ``values`` are all that is moved, by the names of :data:`.physics.disturbed.QUANTITIES`."""
        # When photons come is a matter of the loop, too: offsets add up, so what they do to the overlap is worked out in _bsm.
        others = {name: value for name, value in values.items() if name != PHOTON_OFFSET}
        self.base = disturbed(self._calibrated, others, self._preset["link.photon_lifetime"])
        self._extra_darks = values.get(DARK_RATE, 0.0)
        self._drifted_late["bob"] = values.get(PHOTON_OFFSET, 0.0)

    def parameters(self, now_ps: int, connected: tuple[bool, bool], loop: AttemptLoop) -> LinkParameters:
        """What holds for attempts that begin at ``now_ps``; a blade on its way counts as shut.

        Args:
            now_ps: ps.
            connected: whether each ion is in its fibre's focus.
            loop: whose gates decide which photons count, and whose pulses when they come.
        """
        base = self.base
        return dataclasses.replace(
            base,
            alice=self._node("alice", base.alice, connected[0], now_ps, self._capture(loop, "alice")),
            bob=self._node("bob", base.bob, connected[1], now_ps, self._capture(loop, "bob")),
            bsm=self._bsm(loop),
        )

    def all_photons(self, parameters: LinkParameters, loop: AttemptLoop) -> LinkParameters:
        """The same with the efficiencies of all photons, whatever the loop's gate would let pass."""
        shares = [self._capture(loop, side) * self._calibrated_capture() for side in _SIDES]
        alice, bob = (
            dataclasses.replace(node, efficiency=min(1.0, node.efficiency / share) if share > 0 else 0.0)
            for node, share in zip((parameters.alice, parameters.bob), shares, strict=True)
        )
        return dataclasses.replace(parameters, alice=alice, bob=bob)

    def click_timings(self, loop: AttemptLoop | None = None) -> ClickTimings:
        """When photons and darks come, for those who draw them one by one; without a loop, for one that has the photons meet."""
        calibrated = timings_of(self._preset)
        return dataclasses.replace(
            calibrated,
            offsets=(self._late(loop, "alice"), self._late(loop, "bob")),
            dark_rate=tuple(rate + self._extra_darks for rate in calibrated.dark_rate),
        )

    def settled(self, now_ps: int) -> bool:
        """Whether no blade is on its way, so that the parameters hold until a port says otherwise."""
        return not any(isinstance(port, ShutterPort) and port.moving(now_ps) for port in self._ports.values())

    def fibre(self, name: Side) -> NodeParameters:
        """A node whose fibre is as it is now, paddle included; its photons are of no concern."""
        node, paddle = self.base.node(name), self._ports.get(f"{name}.paddle")
        turned = paddle.angle if isinstance(paddle, RotatorPort) else 0.0
        return dataclasses.replace(node, fibre_rotation=node.fibre_rotation + turned)

    def _late(self, loop: AttemptLoop | None, side: Side) -> float:
        """By how much a node's photons come after the reference, s: by its sequence, and by what has drifted."""
        planned_ps = loop.late_ps[_SIDES.index(side)] if loop is not None else 0
        return planned_ps / PS_PER_S + self._drifted_late[side]

    def _capture(self, loop: AttemptLoop, side: Side) -> float:
        """Share of a node's photon in the loop's gate, relative to the gate for which the preset's efficiency holds."""
        preset = self._preset
        start = loop.gate_start_ps / PS_PER_S - self._late(loop, side)
        captured = gate_capture(preset["link.photon_lifetime"], start, loop.gate_ps / PS_PER_S, preset["bsm.jitter"])
        return captured / self._calibrated_capture()

    def _calibrated_capture(self) -> float:
        preset = self._preset
        return gate_capture(preset["link.photon_lifetime"], preset["bsm.gate_start"], preset["bsm.gate_length"], preset["bsm.jitter"])

    def _bsm(self, loop: AttemptLoop) -> BsmParameters:
        bsm = self.base.bsm
        longer = loop.gate_ps / PS_PER_S / self._preset["bsm.gate_length"]
        extra = self._extra_darks * self._preset["bsm.gate_length"]
        apart = mode_overlap(self._preset["link.photon_lifetime"], self._late(loop, "bob") - self._late(loop, "alice"), 0.0)
        efficiency, dark = (
            list(bsm.detector_efficiency),
            [-math.expm1(longer * (math.log1p(-dark) - extra)) for dark in bsm.dark_probability],
        )
        for port in self._ports.values():
            if isinstance(port, DetectorPort) and port.channel is not None and (port.deaf or port.overloaded or not port.on):
                efficiency[port.channel] = dark[port.channel] = 0.0
        return dataclasses.replace(
            bsm, mode_overlap=bsm.mode_overlap * apart, detector_efficiency=tuple(efficiency), dark_probability=tuple(dark)
        )

    def _node(self, name: Side, node: NodeParameters, connected: bool, now_ps: int, capture: float) -> NodeParameters:
        rf, laser, shutter = (self._ports.get(f"{name}.{slot}") for slot in ("excitation", "excitation_laser", "shutter"))
        coil = self._ports.get(f"{name}.coil")
        excitation, transmission = node.excitation, node.channel_transmission
        field = node.field + self._preset[f"node.{name}.coil"] * (coil.flows if isinstance(coil, CurrentPort) else 0.0)
        if isinstance(rf, BeamPort) and isinstance(laser, BeamPort):
            power_w = rf.power_w if rf.shining and laser.shining else 0.0
            excitation *= excitation_probability(power_w, self._preset[f"node.{name}.pi_pulse_power"])
        if isinstance(shutter, ShutterPort) and not shutter.is_open(now_ps):
            transmission *= self._preset[f"node.{name}.shutter_transmission"]
        if not connected:
            transmission *= self._preset[f"node.{name}.shuttle_transmission"]
        return dataclasses.replace(
            node,
            efficiency=min(1.0, node.efficiency * capture),
            excitation=excitation,
            channel_transmission=transmission,
            fibre_rotation=self.fibre(name).fibre_rotation,
            field=field,
        )
