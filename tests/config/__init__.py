"""Configuration: literal error lines, precedence, and that the documents tell the truth."""
