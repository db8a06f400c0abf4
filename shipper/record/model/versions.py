"""The newest model -> the model of an earlier minor version.

A minor version adds optional fields and nothing else, so there is one model: a field says with
`about(..., since="1.1")` when it came, and the earlier versions are what is left without it.
"""

from typing import Annotated, Any, Final, Literal, Required, get_args, get_origin

from pydantic import ConfigDict
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict, is_typeddict

#: The versions of the record, oldest first.
RECORD_VERSIONS: Final = ("1.0", "1.1", "1.2")

#: Of every document as a whole. Its model is built at its first use, because there are many: an
#: agent writes one version of each.
DOCUMENT: Final = ConfigDict(extra="forbid", strict=True, defer_build=True)

#: What a record may say of its own version: a reader of 1.1 reads 1.0 too.
RecordVersion = Literal["1.0", "1.1", "1.2"]


def ordered(version: str) -> tuple[int, ...]:
    """A version as something to compare: 1.10 comes after 1.9."""
    return tuple(int(number) for number in version.split("."))


def at(part: Any, version: str) -> Any:  # noqa: ANN401 - a type
    """The part as it was in `version`: itself, if nothing was added to it since."""
    before: dict[str, Any] = part.__annotations__
    after = {name: _at(annotation, version) for name, annotation in before.items()}
    if all(after[name] is annotation for name, annotation in before.items()):
        return part
    left = {name: annotation for name, annotation in after.items() if annotation is not None}
    earlier = TypedDict(part.__name__, left, total=False)  # type: ignore[misc]
    earlier.__doc__ = part.__doc__
    if (config := getattr(part, "__pydantic_config__", None)) is not None:
        earlier.__pydantic_config__ = config  # type: ignore[attr-defined]
    return earlier


def _at(annotation: Any, version: str) -> Any:  # noqa: ANN401 - a type
    """The annotation as it was; itself if it was the same, None if the field was not there."""
    if is_typeddict(annotation):
        return at(annotation, version)
    if annotation is RecordVersion:
        words = [word for word in RECORD_VERSIONS if ordered(word) <= ordered(version)]
        return annotation if len(words) == len(RECORD_VERSIONS) else Literal[tuple(words)]
    metadata = getattr(annotation, "__metadata__", ())
    if any(ordered(_since(one)) > ordered(version) for one in metadata):
        return None
    if metadata:
        inner = annotation.__origin__
    elif get_origin(annotation) in (Required, list):
        (inner,) = get_args(annotation)
    else:
        return annotation
    earlier = _at(inner, version)
    if earlier is inner or earlier is None:
        return annotation if earlier is inner else None
    return Annotated[earlier, *metadata] if metadata else get_origin(annotation)[earlier]


def _since(metadata: object) -> str:
    """The version that an annotation's metadata names, or the first there is."""
    extra = metadata.json_schema_extra if isinstance(metadata, FieldInfo) else None
    return str(extra.get("x-since", "0")) if isinstance(extra, dict) else "0"
