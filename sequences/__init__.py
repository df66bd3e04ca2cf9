"""Hardware-timed sequences as pure data."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
