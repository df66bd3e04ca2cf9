"""Drivers: one vendor device a file; each implements a role."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
