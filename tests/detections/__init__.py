"""Sigma rules: converted for the stores, held to what they are to find and what they are not to."""
