"""Simulated devices that talk bytes: what stands behind the drivers in ``--hardware wire``. Each is built from its device's manual."""

from .dlc_pro import DlcProSimulator
from .faults import Fault, FaultPlan
from .sc10 import SC10Simulator
from .simulator import Channel, Simulator

__all__ = ["Channel", "DlcProSimulator", "Fault", "FaultPlan", "SC10Simulator", "Simulator"]
