import zipfile

import numpy as np
import pytest

from irnet_hw.errors import UserError
from irnet_hw.images import read_images

SHAPE = (3, 4, 2)
IMAGES = np.arange(5 * 24, dtype=np.uint8).reshape(5, *SHAPE)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


def refused(path):
    with pytest.raises(UserError) as error:
        read_images(path, SHAPE, 10)
    return str(error.value)


def test_an_archive_with_and_without_labels(tmp_path):
    np.savez(tmp_path / "both.npz", images=IMAGES, labels=LABELS)
    np.savez(tmp_path / "bare.npz", images=IMAGES)
    images, labels = read_images(tmp_path / "both.npz", SHAPE, 10)
    assert images.dtype == np.uint8 and np.array_equal(images, IMAGES)
    assert labels is not None and labels.dtype == np.int64 and np.array_equal(labels, LABELS)
    assert read_images(tmp_path / "bare.npz", SHAPE, 10)[1] is None


def test_an_array_of_images(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    images, labels = read_images(tmp_path / "images.npy", SHAPE, 10)
    assert np.array_equal(images, IMAGES) and labels is None


def test_a_missing_file(tmp_path):
    path = tmp_path / "none.npz"
    assert refused(path) == f"{path}: can't be read: No such file or directory"
    assert refused(tmp_path) == f"{tmp_path}: can't be read: Is a directory"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("text", "is not a .npz or .npy file, or it is damaged"),
        ("cut", "is not a zip file, or it is damaged (File is not a zip file)"),
        ("empty", "is not a .npz or .npy file, or it is damaged"),
        ("pickle", "is damaged, images has dtype |O, must be numeric"),
    ],
)
def test_a_damaged_file(tmp_path, damage, message):
    path = tmp_path / "images.npz"
    np.savez(path, images=IMAGES)
    data = path.read_bytes()
    if damage == "pickle":
        with path.open("wb") as file:
            np.save(file, np.array([{"images": 1}]), allow_pickle=True)
    else:
        path.write_bytes(
            {"text": b"not images", "cut": data[: len(data) // 2], "empty": b""}[damage]
        )
    assert refused(path) == f"{path}: {message}"


def test_an_archive_of_something_else(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, pictures=IMAGES, labels=LABELS)
    assert refused(path) == f'{path}: holds labels, pictures; an array "images" is needed'


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int8])
def test_images_of_another_type(tmp_path, dtype):
    path = tmp_path / "images.npy"
    np.save(path, IMAGES.astype(dtype))
    expected = f"{path}: images are {np.dtype(dtype)}, must be uint8 (pixels 0 to 255)"
    assert refused(path) == expected


@pytest.mark.parametrize(
    "images",
    [IMAGES[0], IMAGES[:0], IMAGES.transpose(0, 3, 1, 2), IMAGES[..., :1], IMAGES[..., 0]],
    ids=["one image without its axis", "none", "channels first", "grey", "no channels"],
)
def test_images_of_another_shape(tmp_path, images):
    path = tmp_path / "images.npy"
    np.save(path, images)
    assert refused(path) == (
        f"{path}: images have shape {list(images.shape)}, must be [N, 3, 4, 2] "
        "(at least one image, each height x width x channels)"
    )


@pytest.mark.parametrize("labels", [LABELS[:4], LABELS.astype(float), LABELS[:, None]])
def test_labels_that_do_not_fit(tmp_path, labels):
    path = tmp_path / "images.npz"
    np.savez(path, images=IMAGES, labels=labels)
    assert refused(path) == (
        f"{path}: labels are {labels.dtype} of shape {list(labels.shape)}, must be 5 integers"
    )


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        (np.array([0, 1, 10, 3, 4]), "10"),
        (np.array([0, -1, 2, 3, 4]), "-1"),
        (np.array([0, 1, 2, 3, 2**64 - 1], np.uint64), "18446744073709551615"),
    ],
)
def test_labels_of_no_class(tmp_path, labels, wrong):
    path = tmp_path / "images.npz"
    np.savez(path, images=IMAGES, labels=labels)
    assert refused(path) == f"{path}: labels: {wrong}, must be from 0 to 9"


def test_a_header_that_claims_more_than_any_machine_has(tmp_path):
    """No memory is allocated for the claimed size, in an archive or not."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 3, 4, 2)}"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "bare.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "archive.npz", "w") as archive:
        archive.writestr("images.npy", content)
    for name in ("bare.npy", "archive.npz"):
        assert refused(tmp_path / name) == (
            f"{tmp_path / name}: is damaged, images is uint8 of shape [1099511627776, 3, 4, 2], "
            "which takes 26,388,279,066,709 bytes, and has 85"
        )
