"""A file's data against its model: pydantic finds the mistakes, this module says them in a lab's words and with their lines."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .config_source import KeyPath, Problem, Source, nearest, suggest
from .config_values import kind

Model = TypeVar("Model", bound=BaseModel)

_REFUSED = {
    "initial_value": "it would act on the device while it is being loaded, before anything is checked; set it in a procedure",
    "alias": "it could hide a method of the role; use add_parameters for a second name",
    "scale": "the role counts in SI units; use add_parameters for a view in other units",
    "offset": "the role counts in SI units; use add_parameters for a view in other units",
    "unit": "the role counts in SI units; use add_parameters for a view in other units",
    "step": "QCoDeS would sleep real time between the steps; ramps belong to procedures",
    "inter_delay": "QCoDeS would sleep real time; waiting belongs to procedures",
    "post_delay": "QCoDeS would sleep real time; waiting belongs to procedures",
    "driver": "QCoDeS has dropped it; write the whole dotted path under type",
}
"""Keys that QCoDeS knows and we do not allow, with the reason."""

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list, e.g. [a, b]",
    "dict_type": "a mapping of 'key: value' lines",
    "model_type": "a mapping of 'key: value' lines",
}

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
}


def validate(model: type[Model], source: Source) -> tuple[Model, set[str], list[Problem]]:
    """Check a file's data against its model.

    Returns:
        The model, the names of its sections that are wrong, and the problems. Where a section is wrong the model has no such
        attribute, so that the others can still be checked; a model without wrong sections is complete.
    """
    try:
        return model.model_validate(source.data), set(), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    told = [detail for detail in details if not _is_echo(model, detail, details)]
    refused = {problem[:3] for problem in source.problems}  # what was wrong as YAML has no value left to complain about
    problems = [source.problem(detail["loc"], _explain(model, detail)) for detail in told]
    problems = [problem for problem in problems if problem[:3] not in refused]
    wrong = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    sections = {name: _section(field, source.data, name) for name, field in model.model_fields.items() if name not in wrong}
    part = model.model_construct(**sections)
    return part, wrong, problems


def _is_echo(model: type[BaseModel], detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether an error only follows from another one: a misspelt key is also missing, a list without its wrong items too short."""
    path = detail["loc"]
    if detail["type"] == "too_short":
        return bool(len(detail["input"]) >= detail["ctx"]["min_length"])
    if detail["type"] != "missing":
        return False
    parent = _model_at(model, path[:-1])
    misspelt = [str(other["loc"][-1]) for other in details if other["type"] == "extra_forbidden" and other["loc"][:-1] == path[:-1]]
    return parent is not None and any(nearest(word, parent.model_fields) == path[-1] for word in misspelt)


def _section(field: FieldInfo, data: Mapping[str, object], name: str) -> Any:  # noqa: ANN401 - the field says what it is
    if name not in data:
        return field.get_default(call_default_factory=True)
    return TypeAdapter[Any](field.rebuild_annotation()).validate_python(data[name])


def _explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """Say one error of pydantic in plain words."""
    path, value, error = detail["loc"], detail["input"], detail["type"]
    parent = _model_at(model, path[:-1])
    fields = parent.model_fields if parent else {}
    if error == "extra_forbidden":
        key = str(path[-1])
        if key in _REFUSED:
            return f"{key!r} is not allowed: {_REFUSED[key]}"
        return f"unknown key{suggest(key, fields)}"
    if error == "missing":
        return f"missing; it is needed: {_description(fields, path)}"
    if error == "literal_error":
        expected = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        return f"{value!r} is not known{suggest(str(value), expected)}"
    if error in _WANTED:
        return f"must be {_WANTED[error]}, not {kind(value)}"
    if error in _BOUNDS:
        words, limit = _BOUNDS[error]
        found = len(value) if limit.endswith("_length") else repr(value)
        return f"must be {words} {detail['ctx'][limit]:.10g}, not {found}" + (" in number" if limit.endswith("_length") else "")
    if error in ("quantity", "share"):
        return detail["msg"]
    if error == "string_pattern_mismatch":
        return f"{str(value)[:60]!r} cannot stand here: {_description(fields, path)}"
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}"


def _description(fields: Mapping[str, FieldInfo], path: KeyPath) -> str:
    field = fields.get(str(path[-1]))
    return (field.description if field else None) or "see the schema (eventready config schema)"


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model that describes what stands at ``path``, or None where that is no mapping with fixed keys."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            here = get_args(here)[1 if get_origin(here) is dict else 0] if get_args(here) else None
        here = _bare(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - type annotations have no common type
    """Without ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(get_args(annotation)[0])
    return annotation
