"""What the agent tells of itself: numbers for Prometheus, and whether it is well."""
