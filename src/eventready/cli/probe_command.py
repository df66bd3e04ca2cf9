"""``eventready probe``: look at one device through its driver."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, DeviceError, EventreadyError

if TYPE_CHECKING:
    from qcodes.instrument import Instrument, InstrumentBase


@click.command("probe")
@click.argument("address")
@click.option("--driver", "-d", required=True, help="Class name or model as in eventready drivers, or the dotted path of a class.")
@click.option("--init", multiple=True, metavar="NAME=YAML", help="An argument of the driver, as under init: in a Station file; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(address: str, driver: str, init: tuple[str, ...], as_json: bool) -> None:
    """Open the driver of a device at ADDRESS and print who it is, whether it is ready and if not why, and its parameters.

    Only asks: nothing is set or switched, and parameters that measure are left out. A device that is not ready is no failure.

    \b
    Examples:
      eventready probe COM5 --driver SC10
      eventready probe /dev/ttyUSB0 --driver SC10 --init baudrate=115200
      eventready probe socket://192.168.1.21:1998 --driver "DLC pro" --init "laser2={setpoint_limits: [0, 0.15]}"
      eventready probe TCPIP::10.0.0.5::5025::SOCKET --driver my_lab.drivers.FlipMount --json
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..stations.catalogue import driver_named

    found, needed = driver_named(driver)
    device = _opened(found, address, {**needed, **_arguments(init)})
    try:
        parts = {part.full_name.removeprefix(device.name).lstrip("_"): part for part in _parts(device)}
        report: dict[str, Any] = {"driver": f"{found.__module__}.{found.__name__}", "address": address, "identity": device.get_idn()}
        report["parts"] = {name: {**_readiness(part), "parameters": dict(_parameters(part))} for name, part in parts.items()}
    finally:
        device.close()
    click.echo(json.dumps(report, indent=2, default=str) if as_json else _text(report))
    parameters = [(name, found) for part in report["parts"].values() for name, found in part["parameters"].items()]
    failed = [name for name, found in parameters if _is_error(found)]
    if failed:
        raise EventreadyError(f"{len(failed)} of {len(parameters)} parameters could not be read: {', '.join(failed)}")


def _arguments(words: tuple[str, ...]) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    arguments = {}
    for word in words:
        name, equals, text = word.partition("=")
        try:
            arguments[name.strip()] = YAML(typ="safe").load(text)
        except YAMLError as error:
            raise ConfigError(f"--init {word}: not YAML; write e.g. --init baudrate=115200") from error
        if not equals or not name.strip().isidentifier():
            raise ConfigError(f"--init {word}: write NAME=VALUE, e.g. --init baudrate=115200")
    return arguments


def _opened(found: type, address: str, arguments: Mapping[str, Any]) -> Instrument:
    from qcodes.instrument import Instrument

    if not issubclass(found, Instrument):
        raise ConfigError(f"{found.__name__} is no QCoDeS instrument; name the instrument that it is a part of")
    try:
        with redirect_stdout(io.StringIO()):  # drivers of QCoDeS greet there; the identity comes below
            device: Instrument = found("probe", **{"address": address, **arguments})
    except TypeError as error:
        raise ConfigError(f"{found.__name__} cannot be called with address{''.join(f', {name}' for name in arguments)}: {error}") from error
    return device


def _parts(device: InstrumentBase) -> Iterator[InstrumentBase]:
    yield device
    for part in device.instrument_modules.values():
        yield from _parts(part)


def _readiness(part: InstrumentBase) -> dict[str, Any]:
    from ..instruments import Role

    if not isinstance(part, Role):
        return {}
    ok, reasons = part.readiness()
    return {"role": type(part).role, "ready": ok, "reasons": list(reasons)}


def _parameters(part: InstrumentBase) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can be read without measuring, in SI units; an error in the place of a value that the device does not give."""
    for name, parameter in part.parameters.items():
        if name in ("IDN", "timeout") or not parameter.gettable or not parameter.snapshot_value or not parameter._snapshot_get:  # noqa: SLF001
            continue
        try:
            yield name, {"value": parameter.get(), "unit": getattr(parameter, "unit", "")}
        except DeviceError as error:
            yield name, {"error": str(error)}


def _is_error(found: Mapping[str, Any]) -> bool:
    return "error" in found


def _text(report: Mapping[str, Any]) -> str:
    identity = ", ".join(f"{key} {value}" for key, value in report["identity"].items() if value)
    lines = [f"{report['driver']} at {report['address']}: {identity}"]
    for name, part in report["parts"].items():
        if "role" in part:
            lines.append(f"{name or 'device'} ({part['role']}): {'ready' if part['ready'] else 'not ready: ' + '; '.join(part['reasons'])}")
        for parameter, found in part["parameters"].items():
            value = f"error: {found['error']}" if _is_error(found) else f"{found['value']} {found['unit']}".rstrip()
            lines.append(f"  {parameter:<20} {value}")
    return "\n".join(lines)
