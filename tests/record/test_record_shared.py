"""Parts that many records share: made once, and in each record what they would be by themselves."""

from dataclasses import replace

import orjson
import pytest

from shipper.contract.exchange import Exchange
from shipper.record import RecordRejected, RecordSettings
from shipper.record.model.record import ADAPTERS, CONSTANT, FRESH, PARTICIPANT, SHARED, adapter_of
from shipper.record.model.versions import RECORD_VERSIONS

from .record_exchanges import (
    CREATED,
    EXAMPLES,
    IDENTITY,
    OFFSET,
    V4,
    builder,
    exchange,
    request,
    response,
)


@pytest.mark.parametrize("version", RECORD_VERSIONS)
def test_records_that_share_parts_are_told_apart(version: str) -> None:
    """The same connection and the same header blocks, twice: equal but for what differs."""
    made = builder(RecordSettings(schema_version=version))
    first, second = request(), response()
    records = [
        made.build(Exchange(V4, first, second, number), OFFSET, CREATED) for number in range(2)
    ]
    assert records[0].parts["source"] is records[1].parts["source"]
    one, other = (orjson.loads(made.encode(each, 7).value) for each in records)
    for document in (one, other):
        assert ADAPTERS[version].validate_python(document) == document
    assert (one["shipper"].pop("exchange_number"), other["shipper"].pop("exchange_number")) == (
        0,
        1,
    )
    assert one == other


def test_names_are_counted_each_time() -> None:
    """A block that is known is no block that is not counted."""
    made = builder()
    whole = exchange()
    for _ in range(3):
        made.build(whole, OFFSET, CREATED)
    assert {seen.seen for seen in made.names_seen()["request"]} == {3}


@pytest.mark.parametrize("version", RECORD_VERSIONS)
def test_no_field_is_left_out_of_validation(version: str) -> None:
    """What is validated at different times is together what the whole model makes of a record.

    Of the parts that refuse what they do not know, none takes a whole record.
    """
    assert not (CONSTANT | PARTICIPANT) & (SHARED | FRESH)
    together = adapter_of(CONSTANT | PARTICIPANT | SHARED | FRESH, version)
    for settings, whole in EXAMPLES[version]().values():
        made = builder(replace(settings, schema_version=version))
        fresh = made._documents.draft(whole, OFFSET, CREATED).fresh
        assert adapter_of(FRESH, version).validate_python(fresh) == fresh
        document = made.build(whole, OFFSET, CREATED).document
        document["event"] |= {"id": f"{IDENTITY.ephemeral_id}-0-7", "sequence": 7}
        assert ADAPTERS[version].validate_python(document) == document
        assert together.validate_python(document) == document
        for names in (SHARED, CONSTANT):
            assert not adapter_of(names, version).validator.isinstance_python(document)


def test_a_shared_part_that_is_not_valid_rejects_each_record() -> None:
    """It is not taken for valid the second time either, and the reason names it."""
    made = builder()
    whole = exchange(connection=replace(V4, interface=-1))
    for _ in range(2):
        with pytest.raises(RecordRejected, match=r"^shipper\.interface: greater_than_equal$"):
            made.build(whole, OFFSET, CREATED)
