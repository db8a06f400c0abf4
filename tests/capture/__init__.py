"""Between a capture file and the kernel program: nothing here needs a kernel."""
