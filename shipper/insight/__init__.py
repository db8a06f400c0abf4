"""Topics -> what an operator wants to know: a live view, baselines, alerts. Never the agent's."""
