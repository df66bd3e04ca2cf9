"""The simulated lab: physics, world, and the roles and devices that stand on it."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
