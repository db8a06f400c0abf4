"""Faults of every kind around the whole agent, and the account of what became of each request."""
