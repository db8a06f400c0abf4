"""What changes while the agent runs."""
