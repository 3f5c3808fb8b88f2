"""The one exception that reaches users."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix: in a file, a parameter, a missing tool.

    The message names the file or parameter, the offending value and what would be right. The
    command line prints it without a traceback and exits with code 2.
    """


def one_line(text: str) -> str:
    """Return a message as it can be printed: in one line, without what a terminal obeys.

    Names in it may come from files of strangers.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
