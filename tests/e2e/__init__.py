"""From a socket to a search engine, with the real parts: `make e2e`."""
