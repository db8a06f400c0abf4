"""Delivery against a real Kafka-protocol listener."""
