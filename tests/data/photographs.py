"""Tiny datasets of drawn stripes, one width per class, in the file formats of the real ones."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from irnet_hw.data.image_folder import ImageFolder
from irnet_hw.data.streamed import StreamedDataset
from tests.data import python2


def images(count, seed, classes=10, shape=(32, 32, 3)):
    """Return images, uint8 [count, *shape], and labels, which cycle through the classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    phase = random.uniform(0, 2 * np.pi, (count, 1, 1, 1))
    x = np.arange(shape[1])[None, None, :, None]
    stripes = np.sin(x * (labels % 10 + 1)[:, None, None, None] / 5 + phase)
    noise = random.normal(0, 20, (count, *shape))
    return np.clip(128 + 90 * stripes + noise, 0, 255).astype(np.uint8), labels


def parts(train=40, test=20, **options):
    """Return images and labels by part name."""
    return {"train": images(train, 0, **options), "test": images(test, 1, **options)}


def encoded(image, kind="png"):
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, kind)
    return buffer.getvalue()


def write(path, contents, labels, columns=("img", "label"), **options):
    """Write image files and labels as a Parquet file; options go to PyArrow."""
    rows = [{"bytes": content, "path": f"{i}.png"} for i, content in enumerate(contents)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    image, label = columns
    table = pa.table({image: pa.array(rows, kind), label: pa.array(labels, pa.int64())})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)


def write_cifar10(folder, train=40, test=20):
    """Write both parts as Parquet; return their images and labels."""
    found = parts(train, test)
    for name, (pixels, labels) in found.items():
        write(folder / f"{name}.parquet", map(encoded, pixels), labels)
    return found


def write_folders(folder, found, names):
    """Write parts as folders of PNG files, one folder per class."""
    for part, (pixels, labels) in found.items():
        for name in names:
            (folder / part / name).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
            (folder / part / names[label] / f"{i:05}.png").write_bytes(encoded(image))


def by_class(pixels, labels):
    """Return images and labels in the order in which a folder dataset reads them."""
    order = np.argsort(labels, kind="stable")
    return pixels[order], labels[order]


def rows(pixels):
    """Return images in CIFAR's layout: [N, 3072], all red values first."""
    return pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)


def pickled(pixels, labels, key="labels"):
    """Return the content of one of CIFAR's pickle files."""
    names = [b"%d.png" % i for i in range(len(labels))]
    table = {b"batch_label": b"drawn", key.encode(): labels.tolist(), b"filenames": names}
    return python2.dumps(table | {b"data": rows(pixels)})


def binary(pixels, *labels):
    """Return the content of one of CIFAR's binary files."""
    columns = [np.asarray(label, np.uint8)[:, None] for label in labels]
    return np.concatenate([*columns, rows(pixels)], 1).tobytes()


def cifar10_files(found, content=pickled, suffix=""):
    """Return the contents of CIFAR-10's files by name; five hold the training images."""
    batches = zip(*(np.array_split(part, 5) for part in found["train"]), strict=True)
    files = {f"data_batch_{i}{suffix}": content(*batch) for i, batch in enumerate(batches, 1)}
    return files | {f"test_batch{suffix}": content(*found["test"])}


def write_files(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_archive(path, folder, files):
    """Write a .tar.gz of a folder of files."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def idx(array):
    """Return the content of an IDX file."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def mnist_files(found, compressed=False):
    """Return the contents of MNIST's four files, by name."""
    files = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        pixels, labels = found[part]
        files[f"{name}-images-idx3-ubyte"] = idx(pixels[..., 0])
        files[f"{name}-labels-idx1-ubyte"] = idx(labels)
    if compressed:
        return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    return files


def same(dataset, found):
    """Check that a dataset has the parts' images and labels, with the right types."""
    for part, (pixels, labels) in found.items():
        images, numbers = (getattr(dataset, f"{part}_{what}") for what in ("images", "labels"))
        assert images.dtype == np.uint8
        assert numbers.dtype == np.int64
        assert np.array_equal(images, pixels)
        assert np.array_equal(numbers, labels)


def write_streamed(folder, train=4, test=2):
    """Write ``count`` JPEG files of many sizes for each of 3 classes; return the dataset."""
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("val", test)):
        for name in "abc":
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                shape = (*random.integers(40, 90, 2), 3)
                image = images(1, random, shape=shape)[0][0]
                (folder / part / name / f"{i}.jpg").write_bytes(encoded(image, "jpeg"))
    return StreamedDataset(*(ImageFolder(folder / part, list("abc")) for part in ("train", "val")))
