"""Generated exchanges through the real kernel program, and out again as they went in."""
