"""What the agent tells of itself."""
