"""``irnet-hw zoo``: the trained networks that come with the package."""

import click

from irnet_hw.train.zoo import entries, find

_HEAD = ("name", "network", "data", "accuracy", "images", "epochs of planned", "bytes")


@click.command("zoo")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the trained networks that come with irnet-hw.

    With NAME, show that network's card: what it was trained on, how and how far, and how well it
    does. The accuracies listed are PyTorch's after the last epoch, on all held-out images.

    `irnet-hw export` and `irnet-hw build` take a network as zoo:NAME.

    \b
    Examples:
      irnet-hw zoo tfc
      irnet-hw build --board pynq-z2 zoo:tfc
      irnet-hw export zoo:tfc --data-folder /data/mnist
    """  # noqa: D301 (click wants the backspace itself)
    if name is not None:
        entry = find(name)
        click.echo(entry.card.text(name, entry.path.stat().st_size))
        return
    rows = [_HEAD]
    for entry in entries():
        card, size = entry.card, entry.path.stat().st_size
        accuracy = f"{card.pytorch:.2%}"
        cells = (card.title, card.data, accuracy, f"{card.images:,}", card.trained(), f"{size:,}")
        rows.append((entry.name, *cells))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
