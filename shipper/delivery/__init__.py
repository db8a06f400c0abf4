"""Encoded records in; acknowledged messages, or counted and explained losses, out.

The only room that speaks to Kafka (`confluent_kafka`). It knows neither HTTP nor eBPF: a record
is bytes with a key. Nothing here starts a thread when it is imported; clients are made in the
process that uses them, after any fork.
"""
