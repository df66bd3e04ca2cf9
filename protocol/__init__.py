"""The protocol layer: records, logs, Bell statistics, keys. Knows no instrument."""

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401
