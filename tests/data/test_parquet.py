import json
import pickle
import resource
from decimal import Decimal

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
    assert [part.names for part in find(path.parent)] == [names, names]


def note(path, names):
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    noted = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pq.read_table(path).replace_schema_metadata(noted), path)


def test_files_that_note_other_names(path):
    test = path.with_name("test.parquet")
    note(path, list("klmnopqrst"))
    note(test, list("lkmnopqrst"))
    assert refusal(path.parent) == (
        f"{test}: names the classes 'l', 'k', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', and {path} "
        "'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't'; must be the same, in the same order"
    )


def test_one_name_noted_for_two_classes(path):
    note(path, list("klmnopqrsl"))
    assert refusal(path.parent) == (
        f"{path}: the classes 1 and 9 are both called 'l'; each must have a name of its own"
    )


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


def test_shards_with_a_hash_each(tmp_path):
    """Older versions of Hugging Face's library name them so."""
    for number in range(2):
        name = f"train-{number:05}-of-00002-{number + 10:016x}"
        write_part(tmp_path, name, 10 + number)
    write_part(tmp_path, "test-00000-of-00001-00112233445566ff", 10)
    train, test = find(tmp_path)
    assert len(train.labels) == 21 and len(test.labels) == 10
    assert train.where(10).startswith(str(tmp_path / f"train-00001-of-00002-{11:016x}.parquet"))
    (tmp_path / f"train-00001-of-00002-{11:016x}.parquet").unlink()
    missing = tmp_path / "train-00001-of-00002.parquet"
    assert refusal(tmp_path) == f"{missing}: no such file; draw them"


@pytest.mark.parametrize("other", ["00000-of-00001-00112233445566ff", "00001-of-00002"])
def test_shards_of_two_sets(path, other):
    first = path.rename(path.with_name("train-00000-of-00001.parquet"))
    write_part(path.parent, f"train-{other}", 10)
    second = path.with_name(f"train-{other}.parquet")
    pair = sorted((first, second))
    assert refusal(path.parent) == (
        f"{pair[1]}: is of another set of files than {pair[0]}; remove one of the two sets"
    )


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
    assert refusal(path.parent) == f"{path}: is damaged, or is not a Parquet file"


def test_a_file_cut_short(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal(path.parent) == f"{path}: is damaged, or is not a Parquet file"


def test_a_file_with_damaged_pages(path):
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(200) + content[204:])
    assert refusal(path.parent, read=True) == f"{path}: is damaged, or is not a Parquet file"


FILE = {"bytes": b""}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"picture": [FILE], "label": [0]}, "picture (struct<bytes: binary>), label (int64)"),
        ({"img": [FILE], "labels": [0]}, "img (struct<bytes: binary>), labels (int64)"),
        ({"img": [[0, 1]], "label": [0]}, "img (list<element: int64>), label (int64)"),
        (
            {"img": [b""], "image": [b""], "label": [0]},
            "img (binary), image (binary), label (int64)",
        ),
        ({"img": [{"path": ""}], "label": [0]}, "img (struct<path: string>), label (int64)"),
        *(
            ({"img": [b""], "label": [label]}, f"img (binary), label ({kind})")
            for label, kind in [
                (1.0, "double"),
                (None, "null"),
                (True, "bool"),
                (Decimal(1), "decimal128(1, 0)"),
                ([1], "list<element: int64>"),
                (b"a", "binary"),
            ]
        ),
    ],
)
def test_other_columns(path, columns, found):
    pq.write_table(pa.table(columns), path)
    assert refusal(path.parent) == (
        f"{path}: must have one column img or image, binary or with binary bytes in it, and one "
        f"label, of integers or strings; it has {found}"
    )


def test_no_rows(path):
    write(path, [], [])
    assert refusal(path.parent) == f"{path}: holds no images"


@pytest.mark.parametrize("label", [10, -2, 2**63 - 1, -(2**63)])
def test_a_wrong_label(path, label):
    write(path, contents(3), [0, label, 1])
    assert refusal(path.parent) == f"{path}: row 1: label is {label}, must be 0 to 9"


def test_no_label(path):
    write(path, contents(3), [0, None, 1])
    assert refusal(path.parent) == f"{path}: row 1: label is null, must be a class"


def relabel(path, labels):
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, "label", labels), path, row_group_size=7)


INTEGERS = [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.uint64()]


@pytest.mark.parametrize("kind", [*INTEGERS, pa.dictionary(pa.int8(), pa.int64())], ids=str)
def test_integers_of_any_type(path, kind):
    labels = pa.array(np.arange(20) % 10)
    is_dictionary = isinstance(kind, pa.DictionaryType)
    relabel(path, labels.dictionary_encode() if is_dictionary else labels.cast(kind))
    train, _ = find(path.parent)
    assert train.labels.dtype == np.int64
    assert np.array_equal(train.labels, np.arange(20) % 10)


def test_an_unsigned_label_out_of_range(path):
    relabel(path, pa.array([0] * 19 + [2**64 - 1], pa.uint64()))
    assert refusal(path.parent) == f"{path}: row 19: label is {2**64 - 1}, must be 0 to 9"


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_labels_that_are_texts(path, kind):
    for file in (path, path.with_name("test.parquet")):
        texts = pa.array([f"class {'jihgfedcba'[i % 10]}" for i in range(20)])
        is_dictionary = kind == "dictionary"
        relabel(
            file, texts.dictionary_encode() if is_dictionary else texts.cast(getattr(pa, kind)())
        )
    for part in find(path.parent):
        assert part.names == [f"class {letter}" for letter in "abcdefghij"]
        assert np.array_equal(part.labels, 9 - np.arange(20) % 10)


def test_texts_that_are_numbers(path):
    for file in (path, path.with_name("test.parquet")):
        relabel(file, pa.array([str(i % 10 + 5) for i in range(20)]))
    train, _ = find(path.parent)
    assert train.names == [str(i) for i in range(5, 15)]
    assert np.array_equal(train.labels, np.arange(20) % 10)


def test_a_text_that_is_no_class(path):
    test = path.with_name("test.parquet")
    for file in (path, test):
        relabel(file, pa.array([f"class {i % 10}" for i in range(20)]))
    relabel(test, pa.array(["class 0"] * 19 + ["Class 1"]))
    names = ", ".join(repr(f"class {i}") for i in range(10))
    assert refusal(path.parent) == (
        f"{test}: row 19: label is 'Class 1', must be one of the training labels: {names}"
    )


def test_texts_and_integers(path):
    test = path.with_name("test.parquet")
    relabel(test, pa.array([f"class {i % 10}" for i in range(20)]))
    assert refusal(path.parent) == (
        f"{test}: its labels are strings, and those of {path} integers; must be the same"
    )


@pytest.mark.parametrize("kind", ["binary", "large_binary", "binary_view"])
@pytest.mark.parametrize("struct", [True, False])
def test_any_binary_column(path, kind, struct):
    images = pa.array(contents(20)).cast(getattr(pa, kind)())
    column = pa.StructArray.from_arrays([images], ["bytes"]) if struct else images
    # PyArrow can't write a struct of views to several row groups.
    size = 20 if struct else 7
    table = pa.table({"image": column, "label": np.arange(20) % 10})
    pq.write_table(table, path, row_group_size=size)
    train, _ = find(path.parent)
    assert [train.content(i) for i in (0, 8, 19)] == [b"file 0", b"file 8", b"file 19"]
    assert train.where(8) == f"{path}: row 8: image{'.bytes' * struct}"


def test_shards_with_other_schemas(tmp_path):
    paths = [tmp_path / f"train-0000{i}-of-00002.parquet" for i in range(2)]
    pq.write_table(
        pa.table({"image": contents(3), "label": np.arange(3, dtype=np.uint8)}), paths[0]
    )
    write(paths[1], contents(2), [8, 9], columns=("img", "label"))
    write_part(tmp_path, "test", 5)
    train, _ = find(tmp_path)
    assert train.labels.tolist() == [0, 1, 2, 8, 9]
    assert [train.content(i) for i in (2, 4)] == [b"file 2", b"file 1"]


def test_two_columns_of_one_name(path):
    labels = pa.array([0])
    table = pa.Table.from_arrays([pa.array([b""]), labels, labels], ["img", "label", "label"])
    pq.write_table(table, path)
    assert refusal(path.parent).endswith("it has img (binary), label (int64), label (int64)")


def test_a_row_without_an_image(path):
    write(path, [None, encoded(images(1, 0)[0][0])], [0, 1])
    assert refusal(path.parent, read=True) == (
        f"{path}: row 0: img.bytes: is null, must be the content of an image file"
    )
