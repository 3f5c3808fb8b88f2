"""A tiny CIFAR-10 of drawn images: ten kinds of stripes, in the real one's files."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def images(count, seed):
    """Return images, uint8 [count, 32, 32, 3], and labels, every label in turn."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    phase = random.uniform(0, 2 * np.pi, (count, 1, 1, 1))
    x = np.arange(32)[None, None, :, None]
    stripes = np.sin(x * (labels + 1)[:, None, None, None] / 5 + phase)
    noise = random.normal(0, 20, (count, 32, 32, 3))
    return np.clip(128 + 90 * stripes + noise, 0, 255).astype(np.uint8), labels


def encoded(image, kind="png"):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def write(path, contents, labels):
    """Write image files and labels as the Parquet file of a part."""
    rows = [{"bytes": content, "path": f"{i}.png"} for i, content in enumerate(contents)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"img": pa.array(rows, kind), "label": pa.array(labels, pa.int64())})
    pq.write_table(table, path)


def write_cifar10(folder, train=40, test=20):
    """Write both parts; return their images and labels."""
    parts = {"train": images(train, 0), "test": images(test, 1)}
    for name, (pixels, labels) in parts.items():
        write(folder / f"{name}.parquet", map(encoded, pixels), labels)
    return parts
