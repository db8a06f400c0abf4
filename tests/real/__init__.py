"""Delivery against a real Apache Kafka: who may in, what it takes, and what becomes of the rest."""
