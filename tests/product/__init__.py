"""The product from outside: its commands as a user starts them, its package as one installs it."""
