"""Whose process each exchange is: live traffic, the truth told by the processes themselves."""
