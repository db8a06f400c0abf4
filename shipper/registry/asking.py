"""What a record says of its schema in; what the registry knows it by out, or one clear line.

One question is asked, whether the subject has exactly our schema; what comes of any other answer
is an error that says what to do. Subjects are named after topics (TopicNameStrategy).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from shipper.delivery import SchemaId, SchemaName
from shipper.errors import ConfigError, PrivilegeError, ShipperError, UnavailableError
from shipper.registry.client import Absent, Refused, Registered, Registry
from shipper.registry.forms import Form, form_of
from shipper.registry.known import Question

_CONTRACT_TOPIC: Final = "http.header.v1"


class NotRegistered(ShipperError):  # noqa: N818 - what the registry says
    """The registry says for sure that it does not have the schema (where it should be)."""


class NoGuid(ConfigError):  # noqa: N818 - what it lacks
    """The registry gives no GUID, and that is what was to be written."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How the schemas of one topic's records are asked for.

    `connect` makes a client, with what its files hold by now; `needs_guid` says that an id alone
    is no use, `register` that what is missing is registered.
    """

    url: str
    topic: str
    connect: Callable[[], Registry]
    needs_guid: bool = False
    register: bool = False

    @property
    def subject(self) -> str:
        """Where the schemas of the topic's values are."""
        return f"{self.topic}-value"

    def question(self, name: SchemaName) -> Question:
        """What is asked for this schema; NotRegistered for one that is none of ours."""
        return Question(self.url, self.subject, name.version, self._form(name).text)

    def ask(self, name: SchemaName) -> Registered:
        """Ask the registry now. ShipperError in all its kinds, with what to do."""
        form = self._form(name)
        registry = self.connect()
        found = registry.lookup(self.subject, form.text, form.kind)
        if isinstance(found, Absent):
            if not self.register:
                raise self._missing(registry, form, name, found)
            self._register(registry, form, new=found is Absent.SUBJECT)
            found = registry.lookup(self.subject, form.text, form.kind)
            if isinstance(found, Absent):
                raise self._missing(registry, form, name, found)
        return self.usable(found)

    def usable(self, found: Registered) -> Registered:
        """It, if it has what is needed."""
        if self.needs_guid and found.guid is None:
            raise NoGuid(
                f'the registry {self.url} gives no GUID, and kafka.framing is "guid"',
                'set kafka.framing = "confluent", or ask a registry that gives one (Confluent\'s, '
                "from 8.0)",
            )
        return found

    def _form(self, name: SchemaName) -> Form:
        form = form_of(*name)
        if form is None:
            raise NotRegistered(f"{name.schema} {name.version} is no schema of this program")
        return form

    def _missing(
        self, registry: Registry, form: Form, name: SchemaName, found: Absent
    ) -> NotRegistered:
        """Why it is not there, and what makes it be there."""
        command = f"shipper schema register --registry {self.url}"
        if form.option != "closed":
            command += f" --kind {form.option}"
        if self.topic != _CONTRACT_TOPIC:
            command += f" --kafka-topic {self.topic}"
        remedy = f"run `{command}`"
        if found is Absent.SUBJECT:
            return NotRegistered(f"the registry {self.url} has no subject {self.subject}", remedy)
        problem = f"the subject {self.subject} in {self.url} does not have {name.schema} "
        problem += f"{name.version}"
        compatible = True
        with suppress(Refused, UnavailableError):  # then registering says why it can't be
            compatible = registry.compatible(self.subject, form.text, form.kind)
        if compatible:
            return NotRegistered(problem, remedy)
        return NotRegistered(
            f"{problem}, and what it has is not compatible with that",
            "give these records a topic of their own (kafka.topic), and register it there",
        )

    def _register(self, registry: Registry, form: Form, *, new: bool) -> None:
        registry.register(self.subject, form.text, form.kind)
        if new:
            # Else what the registry keeps all subjects to holds for this one, too.
            with suppress(PrivilegeError):
                registry.set_compatibility(self.subject, form.compatibility)


def schema_id(found: Registered) -> SchemaId:
    """In the words of delivery."""
    return SchemaId(found.id, None if found.guid is None else found.guid.bytes)
