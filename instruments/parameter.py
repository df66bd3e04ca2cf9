"""The parameters of a role: read by a call, at the price of a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from qcodes.instrument import InstrumentBase
from qcodes.parameters import Parameter

from ..errors import ConfigError

Value = TypeVar("Value")


class _OnlySI:
    """In place of ``scale`` and ``offset``: with them, limits and values of one parameter would be in two units."""

    def __get__(self, parameter: Parameter[Any, Any] | None, owner: type) -> None:
        return None

    def __set__(self, parameter: Parameter[Any, Any], value: object) -> None:
        if value is not None:
            raise ConfigError(
                f"{parameter.full_name} is in SI units and takes no scale or offset; for a view in another unit, add a parameter with "
                "`source:` under `add_parameters` in the Station file"
            )


class RoleParameter(Parameter[Value, InstrumentBase | None]):
    """A QCoDeS parameter over two checked methods of a role.

    ``shutter.position()`` goes straight to the role's method, without cache or wrapper, and errors arrive as they were raised
    (``Parameter.get`` appends to their ``args``). That is what stations and procedures use. ``shutter.position.get()``, loops such as
    ``do1d``, snapshots and monitors take the ordinary way of QCoDeS.

    Args:
        name: as in :class:`qcodes.parameters.Parameter`.
        read: returns the value.
        write: takes a new value; None where the parameter cannot be set.
        **kwargs: as in :class:`qcodes.parameters.Parameter`.
    """

    scale = _OnlySI()
    offset = _OnlySI()

    def __init__(
        self,
        name: str,
        *,
        read: Callable[[], Value],
        write: Callable[[Value], None] | None = None,
        **kwargs: Any,  # noqa: ANN401 - passed on to QCoDeS
    ) -> None:
        super().__init__(name, get_cmd=read, set_cmd=write or False, **kwargs)
        self._read = read

    @overload
    def __call__(self) -> Value: ...

    @overload
    def __call__(self, value: Value, **kwargs: Any) -> None: ...  # noqa: ANN401 - passed on to QCoDeS

    def __call__(self, *args: Any, **kwargs: Any) -> Value | None:
        """Read the device, or with one argument set the parameter."""
        if args or kwargs:
            return super().__call__(*args, **kwargs)
        return self._read()
