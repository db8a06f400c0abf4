"""Forms of a record, held to what others make of the same record."""
