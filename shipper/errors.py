"""The errors a user sees, each as one line: what is wrong, with what, and what to do.

Exit codes follow sysexits.h where it has a word for it, so that scripts and units can tell
"mend the configuration" (78) from "try again" (75).
"""


class ShipperError(Exception):
    """A failure with a line for the user and an exit code for the script."""

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}: {remedy}" if remedy else problem)


class UsageError(ShipperError):
    """The command line makes no sense (EX_USAGE)."""

    exit_code = 64


class InputError(ShipperError):
    """A file that was given can't be read as what it should be (EX_DATAERR)."""

    exit_code = 65


class UnavailableError(ShipperError):
    """Something this needs is not there: a kernel feature, bcc, a broker (EX_UNAVAILABLE)."""

    exit_code = 69


class PrivilegeError(ShipperError):
    """The privileges are missing (EX_NOPERM)."""

    exit_code = 77


class ConfigError(ShipperError):
    """The configuration is wrong (EX_CONFIG)."""

    exit_code = 78
