"""APIPark: the lines of its log, and a real Loki asked as its pages do."""
