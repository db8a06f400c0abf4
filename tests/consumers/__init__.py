"""What is shipped for consumers below config/, tried with the real thing as far as it goes."""
