import json
import pickle
import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irnet_hw.data import parquet
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError
from tests.data.photographs import encoded, images, write

DESCRIPTION = Description(
    title="Stripes",
    labels=tuple("abcdefghij"),
    label_column="label",
    folders=("data",),
    held_out=("test", "val"),
    how_to_get_it="draw them",
)


def contents(count):
    return [b"file %d" % i for i in range(count)]


def write_part(folder, part, count, **options):
    write(folder / f"{part}.parquet", contents(count), np.arange(count) % 10, **options)


@pytest.fixture
def path(tmp_path):
    for part in ("train", "test"):
        write_part(tmp_path, part, 20)
    return tmp_path / "train.parquet"


def find(folder):
    return parquet.find(DESCRIPTION, folder)


def refusal(folder, read=False):
    with pytest.raises(UserError) as error:
        train, _ = find(folder)
        assert read
        train.content(0)
    return str(error.value)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_every_row_in_any_order(tmp_path, size):
    write_part(tmp_path, "train", 30, row_group_size=size)
    write_part(tmp_path, "test", 11, row_group_size=size)
    for part, count in zip(find(tmp_path), (30, 11), strict=True):
        assert np.array_equal(part.labels, np.arange(count) % 10)
        for index in np.random.default_rng(0).permutation(count):
            assert part.content(index) == b"file %d" % index


def test_where_an_image_is(tmp_path):
    for i in range(2):
        write(tmp_path / f"train-0000{i}-of-00002.parquet", contents(9), [0] * 9, row_group_size=2)
    write_part(tmp_path, "val", 5)
    train, test = find(tmp_path)
    assert train.where(8) == f"{tmp_path}/train-00000-of-00002.parquet: row 8: img.bytes"
    assert train.where(12) == f"{tmp_path}/train-00001-of-00002.parquet: row 3: img.bytes"
    assert test.where(4) == f"{tmp_path}/val.parquet: row 4: img.bytes"


def test_what_is_kept_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "KEPT_BYTES", 1000)
    rows = [bytes(300)] * 20
    for part in ("train", "test"):
        write(tmp_path / f"{part}.parquet", rows, [0] * 20, row_group_size=1, use_dictionary=False)
    train, _ = find(tmp_path)
    for index in range(20):
        assert train.content(index) == rows[index]
        assert len(train._kept) <= 3
    assert list(train._kept)[-1] == 19


@pytest.mark.parametrize("window", [1, 1000, 10**9])
def test_an_order_has_every_row_and_reads_every_group_once(tmp_path, monkeypatch, window):
    monkeypatch.setattr(parquet, "WINDOW_BYTES", window)
    monkeypatch.setattr(parquet, "KEPT_BYTES", window)
    for part in ("train", "test"):
        write_part(tmp_path, part, 100, row_group_size=10)
    train, _ = find(tmp_path)
    order = train.order(np.random.default_rng(3))
    assert sorted(order) == list(range(100))
    assert np.array_equal(order, train.order(np.random.default_rng(3)))
    assert not np.array_equal(order, train.order(np.random.default_rng(4)))
    read = []
    original = parquet._read
    monkeypatch.setattr(parquet, "_read", lambda group: read.append(group) or original(group))
    for index in order:
        train.content(int(index))
    assert len(read) == len(set(read)) == 10


def test_another_process_gets_the_places_only(path):
    train, _ = find(path.parent)
    train.content(3)
    again = pickle.loads(pickle.dumps(train))
    assert not again._kept
    assert again.content(3) == b"file 3"


def test_names_noted_by_hugging_face(path):
    table = pq.read_table(path)
    names = [f"class {i}" for i in range(10)]
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    noted = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(noted), path)
    train, test = find(path.parent)
    assert train.names == names
    assert test.names == list("abcdefghij")


@pytest.mark.parametrize(
    "noted", ["{", "[]", '{"info": {"features": {"label": {"names": ["one"]}}}}']
)
def test_other_notes_do_not_matter(path, noted):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"huggingface": noted}), path)
    assert find(path.parent)[0].names == list("abcdefghij")


def test_no_files(tmp_path):
    assert find(tmp_path) is None
    assert find(tmp_path / "no") is None


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_part(path, missing):
    gone = path.with_name(f"{missing}.parquet")
    gone.unlink()
    assert refusal(path.parent) == f"{gone}: no such file; draw them"


def test_a_missing_shard(path):
    path.rename(path.with_name("train-00000-of-00003.parquet"))
    missing = path.with_name("train-00001-of-00003.parquet")
    assert refusal(path.parent) == f"{missing}: no such file; draw them"


def test_a_file_that_cannot_be_opened(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        message = refusal(path.parent)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert message == f"{path}: can't be read: Too many open files"


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_file_of_something_else(path, content):
    path.write_bytes(content)
    assert refusal(path.parent) == f"{path}: is damaged, or is no Parquet file"


def test_a_file_cut_short(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal(path.parent) == f"{path}: is damaged, or is no Parquet file"


def test_a_file_with_damaged_pages(path):
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(200) + content[204:])
    assert refusal(path.parent, read=True) == f"{path}: is damaged, or is no Parquet file"


FILE = {"bytes": b""}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"picture": [FILE], "label": [0]}, "picture (struct<bytes: binary>), label (int64)"),
        ({"img": [FILE], "labels": [0]}, "img (struct<bytes: binary>), labels (int64)"),
        ({"img": [b""], "label": [0]}, "img (binary), label (int64)"),
        ({"img": [{"path": ""}], "label": [0]}, "img (struct<path: string>), label (int64)"),
        ({"img": [FILE], "label": ["a"]}, "img (struct<bytes: binary>), label (string)"),
    ],
)
def test_other_columns(path, columns, found):
    pq.write_table(pa.table(columns), path)
    assert refusal(path.parent) == (
        f"{path}: must have the columns img or image, with bytes in it, and label, of integers; "
        f"it has {found}"
    )


def test_no_rows(path):
    write(path, [], [])
    assert refusal(path.parent) == f"{path}: holds no images"


@pytest.mark.parametrize(("label", "shown"), [(10, 10), (-2, -2), (None, -1)])
def test_a_wrong_label(path, label, shown):
    write(path, contents(3), [0, label, 1])
    assert refusal(path.parent) == f"{path}: row 1: label is {shown}, must be 0 to 9"


def test_a_row_without_an_image(path):
    write(path, [encoded(images(1, 0)[0][0]), None], [0, 1])
    assert find(path.parent)[0].content(1) == b""
