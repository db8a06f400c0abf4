"""The real kernel program on real traffic, in network namespaces of the tests' own."""
