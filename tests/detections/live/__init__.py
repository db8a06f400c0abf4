"""Attacks and an outage among live traffic, found on the stream and in the store: e2e-detect."""
