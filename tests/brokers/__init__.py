"""Real Apache Kafka for tests, and what they put around it: users, certificates, faults."""
