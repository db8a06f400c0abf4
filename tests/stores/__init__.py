"""Real OpenSearch and Elasticsearch for tests: fetched once, started for a test run, forgotten."""
