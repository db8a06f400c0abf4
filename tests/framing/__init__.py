"""Records framed for readers that ask a schema registry."""
