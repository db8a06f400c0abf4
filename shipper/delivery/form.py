"""What the records' topic holds, and what a record says of itself -> whether it may go there.

No two forms share a topic, because who reads one reads it with one converter. What the spool or a
dead letter kept may have been accepted under another configuration; its text headers tell.
"""

from typing import Final, NamedTuple

from shipper.contract.record import FRAMING_HEADER, EncodedRecord

_PLAIN: Final = "plain"


class Form(NamedTuple):
    """How a value is read, whichever version of its schema it has."""

    schema: str
    content_type: str
    framing: str = _PLAIN

    def __str__(self) -> str:
        return f"{self.schema} as {self.content_type}, {self.framing}"


class TopicForm:
    """One topic, and the form that all its records have."""

    def __init__(self, topic: str, form: Form) -> None:
        self._topic = topic
        self._form = form

    def differs(self, record: EncodedRecord) -> str:
        """Why this record must not go out as it is, in words; "" if it may.

        What goes to another topic may unless it was to be framed: nothing here frames for that.
        """
        said = {name: value.decode("latin-1") for name, value in record.headers}
        mine = Form(
            said.get("schema-name", self._form.schema),
            said.get("content-type", self._form.content_type),
            said.get(FRAMING_HEADER, _PLAIN),
        )
        if record.topic == self._topic:
            return "" if mine == self._form else f"it is {mine}; {self._topic} has {self._form}"
        if mine.framing == _PLAIN:
            return ""
        return f"it is {mine}, for {record.topic}; kafka.topic is {self._topic}"
