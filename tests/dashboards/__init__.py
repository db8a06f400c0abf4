"""Dashboards: made from one description, and every query of theirs asked of a real store."""
