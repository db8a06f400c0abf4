"""Exchanges and accounts to records, their schemas, encodings and what is never in them."""
