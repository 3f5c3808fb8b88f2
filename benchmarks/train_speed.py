"""Compare the training speed of this package and plain PyTorch in the same run.

Run from the repository's root::

    python -m benchmarks.train_speed --recipe resnet20 --set data_folder=FOLDER

Both train the recipe's network on its dataset with its optimiser, from the same weights. The
plain version is a direct implementation of the paper's equations: PyTorch modules, float32,
eager mode, and a DataLoader that augments image by image. The benchmark first checks that both
networks give the same logits. Then they take turns; warm-up and compilation are not counted.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import torch
from brevitas import nn as qnn
from lightning_fabric import Fabric
from rich.console import Console
from rich.table import Table
from tensorboardX import SummaryWriter
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from irnet_hw import data, progress
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.quant import EDE, set_ede
from irnet_hw.scratch import scratch
from irnet_hw.train.recipe import Recipe, load_recipe
from irnet_hw.train.run import Run, optimizer_of
from irnet_hw.train.work import Work, batches_of, devices

#: Number of alternating measurements of each version, of which the median is reported.
TURNS = 5

#: Steps before the first measurement, for compilation, caches and starting workers.
WARM_UP = 3

#: Largest allowed difference of the networks' logits, relative to the largest logit.
TOLERANCE = 1e-3


class PlainSign(torch.autograd.Function):
    """Equations 9 and 10 of the paper: sign, with the gradient of k tanh(t x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Tensor, t: Tensor) -> Tensor:
        """Return the sign."""
        ctx.save_for_backward(x, k, t)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of x."""
        x, k, t = ctx.saved_tensors
        return k * t * (1 - torch.tanh(x * t) ** 2) * grad, None, None


class PlainActivations(nn.Module):
    """Binary activations."""

    def __init__(self, ede: EDE) -> None:
        super().__init__()
        self.k, self.t = ede.k, ede.t

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations."""
        return PlainSign.apply(x, self.k, self.t)


class PlainConv(nn.Module):
    """A convolution with weights binarised by equations 4 to 6."""

    def __init__(self, conv: qnn.QuantConv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        self.stride, self.padding = conv.stride, conv.padding
        estimator = conv.weight_quant.tensor_quant.estimator
        self.k, self.t = estimator.k, estimator.t

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution."""
        flat = self.weight.flatten(1)
        centred = self.weight - flat.mean(1).view(-1, 1, 1, 1)
        standard = centred / centred.flatten(1).std(1).view(-1, 1, 1, 1)
        exponent = standard.detach().flatten(1).abs().mean(1).log2().round()
        binary = PlainSign.apply(standard, self.k, self.t)
        return functional.conv2d(
            x, binary * (2**exponent).view(-1, 1, 1, 1), None, self.stride, self.padding
        )


class PlainImages(TorchDataset[tuple[Tensor, int]]):
    """Images that are padded, cropped and flipped one by one."""

    def __init__(self, dataset: data.Dataset, recipe: Recipe) -> None:
        self.images = torch.from_numpy(dataset.train_images)
        self.labels, self.recipe = dataset.train_labels, recipe

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        margin = self.recipe.shift
        image = self.images[index].permute(2, 0, 1).float()
        height, width = image.shape[1:]
        top, left = torch.randint(0, 2 * margin + 1, (2,)).tolist()
        padded = functional.pad(image, [margin] * 4)
        image = padded[:, top : top + height, left : left + width]
        if self.recipe.flip and torch.rand(()) < 0.5:
            image = image.flip(2)
        return image, int(self.labels[index])


def plain(model: nn.Module) -> nn.Module:
    """Replace the 1-bit layers of a network by plain ones, with the same weights.

    Raises:
        UserError: the network has layers that the plain version doesn't support.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, qnn.QuantIdentity):
                quantizer = child.act_quant.fused_activation_quant_proxy.tensor_quant
            elif isinstance(child, qnn.QuantConv2d | qnn.QuantLinear):
                quantizer = child.weight_quant.tensor_quant
            else:
                continue
            if isinstance(child, qnn.QuantLinear) or not isinstance(
                getattr(quantizer, "estimator", None), EDE
            ):
                raise UserError(
                    f"{name}: is not supported here; use a recipe of convolutions in the paper's "
                    "precision with EDE, such as resnet20"
                )
            known = isinstance(child, qnn.QuantConv2d)
            setattr(
                module, name, PlainConv(child) if known else PlainActivations(quantizer.estimator)
            )
    return model


def plain_steps(dataset: data.Dataset, recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Train the plain version, and yield after each step."""
    model = plain(Run.fresh(recipe, 1, dataset.labels).model).to(device)
    set_ede(model, *recipe.ede()(0))
    optimizer = optimizer_of(recipe, model)
    loader = DataLoader(
        PlainImages(dataset, recipe),
        recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count() or 1,
        pin_memory=device.type == "cuda",
    )
    while True:
        for images, labels in loader:
            logits = model(images.to(device, non_blocking=True))
            loss = functional.cross_entropy(
                logits, labels.to(device), label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()  # for a progress bar
            yield


def steps(dataset: data.Dataset, recipe: Recipe, fabric: Fabric, out: Path) -> Iterator[None]:
    """Train like ``irnet_hw.train``, and yield after each step."""
    feed = batches_of(dataset, recipe, fabric)
    with SummaryWriter(str(out)) as board:
        work = Work(fabric, Run.fresh(recipe, 1, dataset.labels), feed, out, dataset.labels, board)
        yield from work.training(progress.Status())


def check_same_network(dataset: data.Dataset, recipe: Recipe) -> float:
    """Return the largest difference of the two networks' logits, relative to the largest logit.

    Raises:
        UserError: the networks are different.
    """
    ours, theirs = (Run.fresh(recipe, 1, dataset.labels).model for _ in range(2))
    theirs = plain(theirs)
    images = torch.from_numpy(dataset.train_images[: recipe.batch_size]).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected, found = ours.train()(images.float()), theirs.train()(images.float())
    difference = float((expected - found).abs().max() / expected.abs().max())
    if difference > TOLERANCE:
        raise UserError(f"{recipe.name}: the plain network's logits differ by {difference:.2g}")
    return difference


@click.command()
@click.option("--recipe", "which", default="resnet20", show_default=True, help="As for training.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="As for training.")
@click.option("--steps", "count", default=10, show_default=True, help="Steps in each turn.")
@click.option(
    "--out", default="train_speed.json", show_default=True, type=click.Path(path_type=Path)
)
@options.force
def main(which: str, assignments: tuple[str, ...], count: int, out: Path, force: bool) -> None:
    """Measure the images per second of a recipe's training."""
    try:
        require_ours(out, holds_json(recipe=..., images_per_second=...), force)
        recipe = load_recipe(which, assignments)
        dataset = data.load(recipe.data, recipe.data_folder, recipe.model.image)
        if not isinstance(dataset, data.Dataset):
            raise UserError(f"data: {recipe.data!r}, must be a dataset that fits in memory")
        torch.set_num_threads(recipe.threads)
        difference = check_same_network(dataset, recipe)
        with scratch("train") as folder:
            fabric = devices(recipe, 1, 1)
            rates = measure(
                {
                    "plain PyTorch": plain_steps(dataset, recipe, fabric.device),
                    "irnet_hw.train": steps(dataset, recipe, fabric, Path(folder)),
                },
                fabric.device,
                count,
                recipe.batch_size,
            )
        result = {
            "recipe": recipe.name,
            "device": device_name(fabric.device),
            "threads": recipe.threads,
            "torch": torch.__version__,
            "batch_size": recipe.batch_size,
            "largest difference of logits": difference,
            "images_per_second": rates,
        }
        with whole_file(out) as target:
            target.write_text(json.dumps(result, indent=1) + "\n")
    except UserError as error:
        raise click.ClickException(str(error)) from None
    Console().print(table(result))


def measure(
    trainings: dict[str, Iterator[None]], device: torch.device, count: int, batch: int
) -> dict[str, list[float]]:
    """Return the images per second of each training in each turn."""
    rates: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(TURNS + 1):
        for name, training in trainings.items():
            begun = time.perf_counter()
            for _ in islice(training, count if turn else WARM_UP):
                pass
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                rates[name].append(count * batch / (time.perf_counter() - begun))
    return rates


def device_name(device: torch.device) -> str:
    """Return what the networks train on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} processor, {os.cpu_count()} cores"


def table(result: dict[str, Any]) -> Table:
    """Return the figures as a table."""
    medians = {name: statistics.median(each) for name, each in result["images_per_second"].items()}
    slowest = min(medians.values())
    shown = Table(
        title=f"Training speed of {result['recipe']}, {result['device']}, "
        f"{result['threads']} threads: median of {TURNS} turns"
    )
    shown.add_column("training")
    for column in ("images/s", "of all turns", "ratio"):
        shown.add_column(column, justify="right")
    for name, median in medians.items():
        each = result["images_per_second"][name]
        shown.add_row(
            name,
            f"{median:,.0f}",
            f"{min(each):,.0f} to {max(each):,.0f}",
            f"{median / slowest:.2f}",
        )
    return shown


if __name__ == "__main__":
    main()
