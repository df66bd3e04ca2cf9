"""What a QCoDeS Station file may contain; stricter than QCoDeS, which only warns, or takes a misspelt key for a submodule."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, StrictStr

from .config_values import Number, Part, Text

DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
"""A class with its module."""


class AddedParameter(Part):
    """A view of another parameter (QCoDeS ``DelegateParameter``)."""

    source: Text
    """Parameter that is shown, e.g. ``power``."""
    label: Text | None = None
    """Text on axes."""
    unit: StrictStr | None = None
    """Unit of the view."""
    scale: Number | None = None
    """Source value = view times scale."""
    offset: Number | None = None
    """Source value = view times scale plus offset."""
    limits: tuple[Number, Number] | None = None
    """Lowest and highest value."""
    monitor: StrictBool = False
    """Show it in the QCoDeS monitor."""


class StationParameter(Part):
    """Settings of a parameter that the driver has."""

    label: Text | None = None
    """Text on axes."""
    limits: tuple[Number, Number] | None = None
    """Lowest and highest value that may be set, SI units."""
    monitor: StrictBool = False
    """Show it in the QCoDeS monitor."""


class StationInstrument(Part):
    """One instrument, as QCoDeS opens it."""

    type: Annotated[StrictStr, Field(pattern=DOTTED, max_length=200)]
    """Dotted path of the driver class."""
    address: Text | None = None
    """Where the device answers."""
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = None
    """TCP port."""
    enable_forced_reconnect: StrictBool | None = None
    """Reopen an instrument that is open already."""
    init: dict[Text, Any] = {}
    """Further arguments of the driver; hard limits belong here."""
    parameters: dict[Text, StationParameter] = {}
    """Settings of the driver's own parameters."""
    add_parameters: dict[Text, AddedParameter] = {}
    """Further views of parameters."""


class StationFile(Part):
    """A QCoDeS Station file: the instruments of one site."""

    instruments: dict[Annotated[StrictStr, Field(pattern=r"^[A-Za-z]\w*$")], StationInstrument]
    """Instruments by name; names are unique over the whole link."""
