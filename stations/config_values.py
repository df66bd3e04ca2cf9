"""The vocabulary of the models: quantities with units, exact shares, and the base of all sections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StrictInt, StrictStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ..errors import ConfigError
from ..units import UNITS, parse_quantity

Text = Annotated[StrictStr, Field(min_length=1)]
Count = Annotated[StrictInt, Field(ge=1, le=2**62)]
Number = Annotated[float, Field(strict=True)]
Bit = Annotated[StrictInt, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Quantity:
    """A number with a unit, written as text, e.g. ``"19.2 us"``; becomes a float in SI units.

    Args:
        dimension: a key of :data:`eventready.units.UNITS`.
        lowest: smallest value allowed, SI units.
        positive: whether zero is refused, too.
        highest: largest value allowed, SI units: beyond it lies a slip of the pen, and numbers that no clock can count.
    """

    dimension: str
    lowest: float = -math.inf
    positive: bool = False
    highest: float = math.inf

    def parse(self, value: object) -> float:
        """Turn text into SI units; pydantic collects what is wrong."""
        try:
            if not isinstance(value, str | int | float):
                raise ConfigError(f"a {self.dimension} is a number with a unit, not {kind(value)}")
            number = parse_quantity(value, self.dimension)
            if number < self.lowest or (self.positive and number == 0):
                raise ConfigError(f"{value!r} is not allowed; it must be {'more than' if self.positive else 'at least'} zero")
            if number > self.highest:
                raise ConfigError(f"{value!r} is not allowed; it must be at most {self.highest:g} in SI units")
        except ConfigError as error:
            raise PydanticCustomError("quantity", "{problem}", {"problem": str(error)}) from error
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        units = sorted((unit for unit in UNITS[self.dimension] if unit.isascii()), key=len, reverse=True)
        sign = r"\+?" if self.lowest == 0 else "[+-]?"
        return {"type": "string", "pattern": rf"^\s*{sign}[0-9._]+([eE][+-]?\d+)?\s*({'|'.join(units)})\s*$", "title": self.dimension}


Time = Annotated[float, Quantity("time", lowest=0, positive=True, highest=1e7)]
TimeOrZero = Annotated[float, Quantity("time", lowest=0, highest=1e7)]
Length = Annotated[float, Quantity("length", lowest=0, highest=1e7)]
Power = Annotated[float, Quantity("power", lowest=0, positive=True, highest=1e3)]
Frequency = Annotated[float, Quantity("frequency", lowest=0, positive=True, highest=1e12)]
Angle = Annotated[float, Quantity("angle")]
SmallAngle = Annotated[float, Quantity("angle", lowest=0, positive=True, highest=1.0)]


def kind(value: object) -> str:
    """Name a YAML value's type for people."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", int: "a number", float: "a number", type(None): "nothing"}
    return names[type(value)]


def _share(value: object) -> Fraction:
    """Read ``"13/256"``: an exact share, since the round type is drawn from whole random bits."""
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) != 2 or not all(part.strip().isascii() and part.strip().isdigit() and len(part) < 20 for part in parts):
        raise PydanticCustomError("share", "write an exact fraction in quotes, e.g. '13/256'")
    top, bottom = (int(part) for part in parts)
    if not 0 < top < bottom:
        raise PydanticCustomError("share", "the share must lie between 0 and 1")
    return Fraction(top, bottom)


Share = Annotated[Fraction, BeforeValidator(_share, json_schema_input_type=Annotated[str, Field(pattern=r"^\s*\d+\s*/\s*\d+\s*$")])]


class Part(BaseModel):
    """Base of all sections: unknown keys are refused, nothing changes after loading."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
