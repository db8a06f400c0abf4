"""`shipper watch`, started in its own environment (make setup-insight)."""
