"""Encoding and framing -> the topic of the records, unless the operator names one.

Who reads a topic reads one form with one converter, so no two forms share a topic: each has a name
of its own, and that of one is refused for another.
"""

from itertools import product
from typing import Final, Literal, get_args

Encoding = Literal["ecs", "avro", "ocsf", "cim", "apipark"]
Framing = Literal["plain", "confluent", "guid"]

#: Encodings with a schema of ours, which a registry can hold.
WITH_SCHEMA: Final = ("ecs", "avro")
#: Encodings that are no text, and so no lines for standard output and files.
BINARY: Final = ("avro",)


def topic_of(encoding: Encoding, framing: Framing) -> str:
    """`http.header[.ENCODING][.FRAMING].v1`; ecs and plain go without saying."""
    form = [name for name in (encoding, framing) if name not in ("ecs", "plain")]
    return ".".join(["http.header", *form, "v1"])


#: The name of each form's topic -> the form.
FORMS: Final[dict[str, tuple[Encoding, Framing]]] = {
    topic_of(encoding, framing): (encoding, framing)
    for encoding, framing in product(get_args(Encoding), get_args(Framing))
}


def chosen_topic(given: str, encoding: Encoding, framing: Framing) -> str:
    """The topic for this form; ValueError where the name given is that of another form."""
    form = encoding, framing
    if FORMS.get(given, form) != form:
        other = FORMS[given]
        raise ValueError(
            f"the topic {given} is that of record.encoding {other[0]} with kafka.framing {other[1]}"
            f": set these, or leave kafka.topic out ({topic_of(*form)})"
        )
    return given or topic_of(*form)
