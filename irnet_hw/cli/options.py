"""Options that several commands have."""

import click

#: --force, with the same meaning for every command that writes files.
force = click.option(
    "--force", is_flag=True, help="Overwrite files there that irnet-hw did not write, too."
)
