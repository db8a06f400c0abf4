"""The spool, with real files, locks and processes, and a broker in the process."""
