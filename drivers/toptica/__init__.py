"""Devices by Toptica."""

from .dlc_pro import DlcLaser, DlcPro

__all__ = ["DlcLaser", "DlcPro"]
