"""The driver classes that Station files name: can they be imported, and do they fill the role they are wired to?"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator

from .. import instruments
from ..errors import ConfigError
from .config_source import nearest, suggest


def resolve_type(dotted: str) -> type:
    """Import the class that a Station file names.

    Args:
        dotted: e.g. ``"eventready.twin.roles.TwinLaser"``.

    Raises:
        ConfigError: the module cannot be imported (the message names the missing package), or has no such class.
    """
    module_name, _, class_name = dotted.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigError(f"there is no module {missing!r}; check the path, or install the package that has it") from error
        raise ConfigError(f"{module_name} needs the package {missing!r}, which is not installed") from error
    except (ImportError, OSError, SyntaxError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        # A vendor's library that is missing or of the wrong kind shows itself in any of these ways.
        raise ConfigError(f"{module_name} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = [name for name, member in inspect.getmembers(module, inspect.isclass) if not name.startswith("_")]
        raise ConfigError(f"{module_name} has no class {class_name!r}{suggest(class_name, classes)}")
    return found


def type_problems(dotted: str, role: str | None, init: Iterable[str], given: Iterable[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Say why a driver class cannot stand where it is wired.

    Args:
        dotted: the class, as the Station file names it.
        role: name of a role in :mod:`eventready.instruments`; None where a part of the instrument plays it.
        init: names of what the Station file hands to its constructor under ``init``.
        given: names of what else its constructor is handed.

    Yields:
        Which keys of the instrument's entry are wrong, and why.
    """
    try:
        found = resolve_type(dotted)
    except ConfigError as error:
        yield ("type",), str(error)
        return
    if role is not None and not issubclass(found, getattr(instruments, role)):
        yield ("type",), f"{found.__name__} is not a {role}, but is wired to a role that needs one"
    init = list(init)
    known = _constructor_arguments(found)
    for name in init:
        # A driver may take more than its signature says (**kwargs), so only what looks like a slip of the pen is refused.
        if name not in known and nearest(name, known):
            yield ("init", name), f"{found.__name__} has no argument {name!r}{suggest(name, known)}"
    for name in _required_arguments(found) - {*init, *given}:
        yield (), f"{name!r} is missing; {found.__name__} needs it{'' if name == 'address' else ' under init'}"


def _required_arguments(found: type) -> set[str]:
    """What its constructor cannot do without."""
    # Not inspect.signature(found): QCoDeS' metaclass hides it.
    constructor = next(vars(base)["__init__"] for base in found.__mro__ if "__init__" in vars(base))
    named = [p for p in inspect.signature(constructor).parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {parameter.name for parameter in named if parameter.default is parameter.empty} - {"self"}


def _constructor_arguments(found: type) -> list[str]:
    """Named arguments of a cooperative constructor: its own, and those of the classes that its ``**kwargs`` go to."""
    signatures = [inspect.signature(vars(base)["__init__"]) for base in inspect.getmro(found)[:-1] if "__init__" in vars(base)]
    parameters = [parameter for signature in signatures for parameter in signature.parameters.values() if parameter.name != "self"]
    return [parameter.name for parameter in parameters if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]
