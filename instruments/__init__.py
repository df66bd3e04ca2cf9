"""Roles: what a station needs of an instrument."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
