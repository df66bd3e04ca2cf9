"""A sequence of one's own: a Python file with a function ``link_round(timings, plan)`` that returns the round of the link.

It is code that the link file names, so it is code that somebody chose to run. What goes wrong in it is reported with its file and line.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType

from ..errors import ConfigError
from .attempts import AttemptTimings, Plan
from .language import Item

FUNCTION = "link_round"
_MODULE = "eventready_user_sequence"

Describe = Callable[[AttemptTimings, Plan], Item]


class _TextLoader(importlib.abc.ExecutionLoader):
    """Loads a module out of a text that has been read already."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_filename(self, fullname: str) -> str:
        return self._name


def describe(text: str, name: str, timings: AttemptTimings, plan: Plan) -> Item:
    """Run a file's ``link_round``.

    Args:
        text: of the file.
        name: of the file, for messages.
        timings: of the platform.
        plan: of the link.

    Raises:
        ConfigError: the file is no Python, has no such function, or something went wrong in it; with file and line.
    """
    try:
        module = _module(text, name)
        function = getattr(module, FUNCTION, None)
        if not callable(function):
            raise ConfigError(f"{name}: has no function {FUNCTION}(timings, plan); it describes the round")
        made: object = function(timings, plan)
    except ConfigError:
        raise
    except SyntaxError as error:
        raise ConfigError(f"{name}:{error.lineno or 1}: {error.msg}") from error
    except Exception as error:
        raise ConfigError(f"{name}:{_line(error.__traceback__, name)}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Item):
        raise ConfigError(f"{name}: {FUNCTION} returned {type(made).__name__}; it returns a Seq of the round, see sequences/munich.py")
    return made


def _module(text: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(_MODULE, _TextLoader(text, name), origin=name)
    if spec is None or spec.loader is None:  # pragma: no cover - a loader was given
        raise ConfigError(f"{name}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[_MODULE]
    return module


def _line(traceback: TracebackType | None, name: str) -> int:
    """The last line of that file on the way to the error."""
    found = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == name:
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found
