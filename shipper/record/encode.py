"""Exchange -> validated record -> bytes: the steps of the room in their order.

A record is given its number in `encode`, after validation, so that a reject takes none. The
texts of a reject name fields and kinds of error, never a value: they go to logs.
"""

from functools import partial
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from shipper.contract.attribution import Attribution
from shipper.contract.exchange import Exchange
from shipper.contract.record import EncodedRecord
from shipper.errors import ConfigError
from shipper.record.build import DocumentBuilder, Draft
from shipper.record.constant import constant_parts, message_headers
from shipper.record.encoders import encoder_of, ready_for
from shipper.record.headers import NameSeen
from shipper.record.model import RECORD_VERSIONS, SCHEMA_NAME
from shipper.record.model.record import (
    ADAPTERS,
    CONSTANT,
    FRESH,
    SHARED,
    adapter_of,
)
from shipper.record.participants import Participants
from shipper.record.settings import (
    MINIMUM_KEY_BYTES,
    Action,
    ClientIp,
    Identity,
    RecordSettings,
)
from shipper.record.shared import Sharing
from shipper.record.shorten import Shortener

_MILLISECOND: Final = 1_000_000
_LISTED_ERRORS: Final = 5
# Below these, keys are what a peer or the operator chose.
_OPEN_PARTS: Final = frozenset({"headers", "labels"})


class RecordRejected(Exception):  # noqa: N818 - the pipeline's word; it is an outcome, not a fault
    """An exchange that makes no valid record. `reason` names fields and errors, no values.

    `document` is what did not validate, redacted: for a dead letter, not for a log.
    """

    def __init__(self, reason: str, document: dict[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.document = document


class Record:
    """A validated record that has no number yet.

    `parts` are those of the document, some of them encoded already; `document` is it to be read.
    """

    __slots__ = ("partition_key", "parts", "timestamp_ms")

    def __init__(self, parts: dict[str, Any], timestamp_ms: int, partition_key: bytes) -> None:
        self.parts = parts
        self.timestamp_ms = timestamp_ms
        self.partition_key = partition_key

    @property
    def document(self) -> dict[str, Any]:
        """A copy of the document, of plain values."""
        return _plain(self.parts)


class RecordBuilder:
    """Makes the records of one worker. Not for use by several threads at once."""

    def __init__(self, settings: RecordSettings, identity: Identity) -> None:
        _require_key(settings)
        _require_version(settings)
        encoder = encoder_of(settings.encoding, settings.schema_version)
        ready = partial(ready_for, encoder)
        shared = adapter_of(SHARED, settings.schema_version).validator
        sharing = Sharing(shared.isinstance_python, ready)
        self._documents = DocumentBuilder(settings, identity, sharing)
        self._constant = _constant(settings, identity)
        self._ready_constant = {name: ready(part) for name, part in self._constant.items()}
        self._fresh = adapter_of(FRESH, settings.schema_version).validator.validate_python
        self._whole = ADAPTERS[settings.schema_version]
        self._participants = Participants(settings)
        self._topic = settings.topic
        self._maximum_ahead = settings.maximum_ahead_ns
        self._narrow_partitions = settings.privacy.client_ip is not ClientIp.KEEP
        self._id_prefix = f"{identity.ephemeral_id}-{identity.worker}-"
        self._headers = (
            *message_headers(
                encoder.schema_name, encoder.schema_version, encoder.content_type, settings.framing
            ),
            *((name, text.encode()) for name, text in settings.message_headers),
        )
        self._encode = encoder.encode
        self._shortener = Shortener(encoder)
        self._maximum_bytes = settings.maximum_bytes
        #: Records that were cut to `RecordSettings.maximum_bytes`.
        self.shortened = 0

    def build(
        self,
        exchange: Exchange,
        wall_offset_ns: int,
        created_ns: int,
        who: Attribution | None = None,
    ) -> Record:
        """The record of an exchange, redacted and validated.

        `wall_offset_ns` turns the exchange's clock into wall time, `created_ns` is the present
        (both ns, wall time since 1970); `who` took part in it. Raises RecordRejected.
        """
        if exchange.request is None and exchange.response is None:
            raise RecordRejected("the exchange holds neither a request nor a response", {})
        draft = self._documents.draft(exchange, wall_offset_ns, created_ns)
        time = exchange.start + wall_offset_ns
        if not 0 <= time <= created_ns + self._maximum_ahead:
            time = created_ns
            draft.fresh["shipper"]["timestamp_replaced"] = True
        valid = self._valid(draft)
        if who is not None:
            self._participants.write(who, valid)
        return Record(valid, time // _MILLISECOND, self._partition(exchange))

    def _valid(self, draft: Draft) -> dict[str, Any]:
        """The whole record; raises RecordRejected."""
        if draft.valid:
            try:
                fresh = self._fresh(draft.fresh)
            except ValidationError:
                pass  # what is wrong is told of the record as it would have been
            else:
                whole = self._documents.whole(draft, fresh)
                whole.update(self._ready_constant)
                return whole
        document = self._documents.whole(draft, draft.fresh, plain=True)
        return _validated(self._whole, document | self._constant)

    def encode(self, record: Record, sequence: int) -> EncodedRecord:
        """The record as it goes out, under its number. Does not fail on what `build` gave."""
        identifier = f"{self._id_prefix}{sequence}"
        event = record.parts["event"]
        event["id"] = identifier
        event["sequence"] = sequence
        value = self._encode(record.parts)
        if len(value) > self._maximum_bytes:
            value = self._shorter(record.parts) or value
        fields = (
            self._topic,
            identifier.encode("ascii"),
            value,
            record.timestamp_ms,
            self._headers,
            record.partition_key,
            sequence,
        )
        # What EncodedRecord(...) does, without the interpreter's part in it.
        return tuple.__new__(EncodedRecord, fields)

    def _shorter(self, document: dict[str, Any]) -> bytes | None:
        """Cut to size; one that can't be goes as it is, and Kafka's answer decides its fate."""
        value = self._shortener.fitted(_plain(document), self._maximum_bytes)
        self.shortened += value is not None
        return value

    def names_seen(self) -> dict[str, list[NameSeen]]:
        """The header names seen so far: {"request": [...], "response": [...]}."""
        return self._documents.names_seen()

    def names_overflow(self) -> int:
        """How many headers had names beyond the limit, and are not in `names_seen`."""
        return self._documents.names_overflow()

    def _partition(self, exchange: Exchange) -> bytes:
        """Names the connection; where the client's address is hidden, by 16 bits only.

        `flow` may be made of addresses, and a key must not be what they are guessed from.
        """
        name = f"{self._id_prefix}{exchange.connection.flow:x}".encode("ascii")
        if self._narrow_partitions:
            return blake2b(name, digest_size=2).hexdigest().encode("ascii")
        return name


def _constant(settings: RecordSettings, identity: Identity) -> dict[str, Any]:
    """The constant parts, validated."""
    try:
        adapter = adapter_of(CONSTANT, settings.schema_version)
        valid: dict[str, Any] = adapter.validate_python(constant_parts(settings, identity))
    except ValidationError as error:
        raise ConfigError(f"no valid record can be made: {invalid(error)}") from None
    return valid


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return plain


def _validated(adapter: TypeAdapter[Any], document: dict[str, Any]) -> dict[str, Any]:
    try:
        valid: dict[str, Any] = adapter.validate_python(document)
    except ValidationError as error:
        reason = invalid(error)
    else:
        return valid
    # Raised out here, so that the foreign error, which quotes its input, is no context of ours.
    raise RecordRejected(reason, document)


def invalid(error: ValidationError) -> str:
    """The fields and kinds of error, no values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [f"{_place(detail['loc'])}: {detail['type']}" for detail in found[:_LISTED_ERRORS]]
    if len(found) > _LISTED_ERRORS:
        texts.append(f"{len(found) - _LISTED_ERRORS} more")
    return "; ".join(texts)


def _place(location: tuple[int | str, ...]) -> str:
    """The path of a field, cut where the keys are not ours."""
    shown: list[str] = []
    for step in location:
        if shown and shown[-1] in _OPEN_PARTS:
            shown.append("*")
            break
        shown.append(str(step))
    return ".".join(shown)


def _require_version(settings: RecordSettings) -> None:
    if settings.schema_version not in RECORD_VERSIONS:
        raise ConfigError(
            f"there is no version {settings.schema_version} of {SCHEMA_NAME}",
            f"there is {', '.join(RECORD_VERSIONS)}",
        )


def _require_key(settings: RecordSettings) -> None:
    """A keyed hash without a key would be no secret: refuse it at the start."""
    privacy, headers = settings.privacy, settings.headers
    actions = [privacy.secret_action, headers.secret_action]
    actions += [*privacy.parameters.values(), *headers.actions.values()]
    hashes = Action.HASH in actions or privacy.client_ip is ClientIp.HASH
    if hashes and (len(privacy.key) < MINIMUM_KEY_BYTES or not privacy.key_id):
        raise ConfigError(
            "something is to be hashed, but there is no key for it",
            f"give privacy a key of at least {MINIMUM_KEY_BYTES} bytes and a key id",
        )
