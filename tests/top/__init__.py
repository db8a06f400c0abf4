"""`shipper top`: routes, counts, the screen."""
