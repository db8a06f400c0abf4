"""`make kernels`: older and newer kernels, really booted, each given the same work as this host."""
