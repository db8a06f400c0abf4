"""Capture files, read by the program and by others."""
