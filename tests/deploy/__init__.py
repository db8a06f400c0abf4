"""What an operator installs: image, chart, unit, package; each held to its own tools."""
