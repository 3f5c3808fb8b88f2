"""The one exception that reaches users."""


class UserError(Exception):
    """Something the user can put right: a file, a parameter, a missing tool.

    The message names the file or parameter, the offending value and what would be
    right. The command line prints it without a traceback and exits with code 2.
    """
