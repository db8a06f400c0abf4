"""The agent under steady load for long: memory that stays, and nothing that is missing."""
