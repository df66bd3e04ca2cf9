"""Stations: nodes, link, run engine and procedures."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
