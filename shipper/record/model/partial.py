"""A model -> the model of some of its fields: for parts that are validated at different times."""

from collections.abc import Collection
from typing import Any, Literal, Required, get_args, get_origin

from typing_extensions import TypedDict


def only(model: Any, names: Collection[str], extra: Literal["forbid", "ignore"] = "forbid") -> Any:  # noqa: ANN401 - types
    """The fields of a TypedDict with these dotted names, of the same types and as strict.

    A field is taken whole with all that is below it. None of those that are named is required,
    because the others of its like come from elsewhere. `extra` says whether a field that is not
    named is refused or left out.
    """
    fields = {}
    for name, annotation in model.__annotations__.items():
        inside = {
            rest for first, _, rest in (each.partition(".") for each in names) if first == name
        }
        if "" in inside:
            fields[name] = _optional(annotation)
        elif inside:
            fields[name] = only(_optional(annotation), inside, extra)
    part = TypedDict(model.__name__, fields, total=False)  # type: ignore[misc]
    part.__pydantic_config__ = {"extra": extra, "strict": True}  # type: ignore[attr-defined]
    return part


def _optional(annotation: Any) -> Any:  # noqa: ANN401
    return get_args(annotation)[0] if get_origin(annotation) is Required else annotation
