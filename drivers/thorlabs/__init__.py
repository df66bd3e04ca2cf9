"""Devices by Thorlabs."""

from .sc10 import SC10

__all__ = ["SC10"]
