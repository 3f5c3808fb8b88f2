"""Damage files and values at random; equal seeds give equal damage."""

import io
import json
import math
import random
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

#: Replacements for a value.
ODD = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 0.5, -0.5, 1e308, 1e-320),
    *(math.nan, math.inf, -math.inf, "", "x", "1", "\ud800", "\0", "a\nb\x1b[31m", "é" * 300),
    *([], {}, [None], [[]], {"a": {}}, [1, 2], "../x", "/", {"": 0}),
]


def value(content, random):
    """Change one value somewhere inside, or its container."""
    if isinstance(content, dict) and content and random.random() < 0.9:
        changed, key = dict(content), random.choice(list(content))
        kind = random.random()
        if kind < 0.1:
            del changed[key]
        elif kind < 0.2:
            changed[random.choice(["x", "", "\ud800", "épochs", key + "x" if key else "y"])] = 1
        else:
            changed[key] = value(content[key], random)
        return changed
    if isinstance(content, list) and content and random.random() < 0.9:
        changed, place = list(content), random.randrange(len(content))
        kind = random.random()
        if kind < 0.1:
            del changed[place]
        elif kind < 0.2:
            changed.append(content[place])
        elif kind < 0.25:
            random.shuffle(changed)
        else:
            changed[place] = value(content[place], random)
        return changed
    if type(content) is int and random.random() < 0.4:
        return content + random.choice([-1, 1, 2**20, -(2**20)])
    odd = random.choice(ODD)
    if random.random() < 0.02:
        for _ in range(random.choice([10, 60, 70, 400])):
            odd = [odd]
    return odd


def text(content, random):
    """Damage a text: a character, a token, a line, its nesting, or its numbers."""
    kind = random.randrange(7)
    place, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    if kind == 0:
        inserted = random.choice(
            [
                "[" * 3000,
                "9" * 5000,
                "\\ud800",
                "\0",
                "\ufeff",
                '"',
                ",",
                "\r",
                "é",
                "nan",
                "-",
                "=\n",
            ]
        )
        return content[:place] + inserted + content[place:]
    if kind == 1:
        return content[:place] + content[place + 1 :]
    if kind == 2:
        return content[:place]
    if kind == 3:
        return content[:end] + content[place:]
    lines = content.splitlines(keepends=True) or [""]
    line = random.randrange(len(lines))
    if kind == 4:
        del lines[line]
    elif kind == 5:
        lines.insert(line, random.choice(lines))
    else:
        parts = lines[line].replace("=", "= ").split(random.choice([",", "= "]))
        parts[random.randrange(len(parts))] = json.dumps(random.choice(ODD))
        lines[line] = ",".join(parts) if "," in lines[line] else "=".join(parts) + "\n"
    return "".join(lines)


def raw(content, random):
    """Damage bytes: flip, cut, repeat, blank or replace some."""
    damaged = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 8])):
        if not damaged:
            break
        place = random.randrange(len(damaged))
        length = random.choice([1, 2, 4, 16, 100])
        kind = random.randrange(6)
        if kind == 0:
            damaged[place] ^= 1 << random.randrange(8)
        elif kind == 1:
            del damaged[place:]
        elif kind == 2:
            damaged[place:place] = damaged[place : place + length]
        elif kind == 3:
            damaged[place : place + length] = bytes(len(damaged[place : place + length]))
        elif kind == 4:
            damaged[place : place + length] = random.randbytes(length)
        else:
            # The directory of a zip file, where single bits matter most.
            found = [i for i in range(len(damaged)) if damaged[i : i + 4] == b"PK\1\2"]
            place = random.choice(found or [place]) + random.randrange(4, 46)
            if place < len(damaged):
                damaged[place] ^= 1 << random.randrange(8)
    return bytes(damaged)


def archive(content, random):
    """Rewrite a zip file with another member, method, name or order; or damage its bytes."""
    if random.random() < 0.4:
        return raw(content, random)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = [(name, source.read(name)) for name in source.namelist()]
    place = random.randrange(len(members))
    name, data = members[place]
    kind = random.randrange(6)
    if kind == 0:
        members[place] = name, raw(data, random)
    elif kind == 1:
        renamed = random.choice(["", "x", "../x", "/x", name + "/y", name[:-4], "a\nb", "x" * 300])
        members[place] = renamed, data
    elif kind == 2:
        del members[place]
    elif kind == 3:
        members.append((name, random.choice(members)[1]))
    elif kind == 4:
        members[place] = name, b""
    method = random.choice([0, 0, 8, 12, 14])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, data in members:
            target.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def array(content, random):
    """Return a replacement for an array."""
    kind = random.randrange(8)
    if kind == 0:
        return content[: random.choice([0, 1, 3])]
    if kind == 1:
        return content[..., None]
    if kind == 2:
        return content.reshape(-1)
    if kind == 3:
        dtypes = ["i1", ">i2", "u4", "i8", "u8", "f2", "f8", "c8", "S2", "U3", "O", "?", "M8[s]"]
        with np.errstate(all="ignore"):
            return content.astype(random.choice(dtypes))
    if kind == 4:
        return np.asfortranarray(content)
    if kind == 5:
        return np.array(random.choice(ODD[:16]))
    if kind == 6:
        changed = content.astype(np.int64).reshape(-1)
        changed[random.randrange(max(changed.size, 1)) : 1] = random.choice([-1, 2**62, 300])
        return changed.reshape(content.shape)
    return np.zeros(content.shape, [("a", "u1"), ("b", "f4")])


def npz(content, random):
    """Damage a .npz file: its arrays, their headers or the archive."""
    kind = random.random()
    if kind < 0.4:
        return archive(content, random)
    if kind < 0.5:
        damaged = bytearray(content)
        place = content.find(b"'shape': (")
        damaged[place : place + 14] = b"'shape': (9%dE" % random.randrange(10)
        return bytes(damaged)
    with np.load(io.BytesIO(content)) as source:
        arrays = dict(source)
    name = random.choice(list(arrays))
    arrays[name] = array(arrays[name], random)
    if random.random() < 0.1:
        del arrays[name]
    buffer = io.BytesIO()
    random.choice([np.savez, np.savez_compressed])(buffer, **arrays)
    return buffer.getvalue()


def npy(content, random):
    """Damage a .npy file: its array or header."""
    if random.random() < 0.5:
        return raw(content, random)
    buffer = io.BytesIO()
    np.save(buffer, array(np.load(io.BytesIO(content)), random), allow_pickle=True)
    return buffer.getvalue()


def tensor(content, random):
    """Return a replacement for a tensor: another tensor, or something else."""
    kind = random.randrange(12)
    if kind == 0 and content.is_floating_point() and content.numel():
        changed = content.flatten().clone()
        changed[random.randrange(content.numel())] = random.choice(
            [math.nan, math.inf, 3e38, 1e-45]
        )
        return changed.reshape(content.shape)
    if kind == 1:
        dtypes = [torch.float16, torch.float64, torch.complex64, torch.int32, torch.bool]
        return content.to(random.choice(dtypes))
    if kind == 2:
        return content[None]
    if kind == 3:
        return content.reshape(-1)
    if kind == 4:
        return torch.zeros(content.shape, device="meta")
    if kind == 5:
        return content.float().to_sparse() if content.dim() else content
    if kind == 6:
        return torch.nn.Parameter(content.float())
    if kind == 7:
        return content.new_zeros(1).expand(*[1000] * 5)
    if kind == 8 and content.is_floating_point():
        return content * random.choice([1e30, 0, -1, 1e-30])
    if kind == 9 and content.is_floating_point():
        return torch.quantize_per_tensor(content, 0.1, 0, torch.qint8)
    if kind == 10:
        return torch.zeros(0)
    return random.choice(ODD)


def checkpoint(content, random):
    """Damage a file written by torch.save: a value or tensor in it, its archive or its bytes."""
    if random.random() < 0.3:
        return archive(content, random)
    whole = torch.load(io.BytesIO(content), weights_only=True)
    places = []

    def walk(inside):
        for key, each in inside.items() if isinstance(inside, dict) else enumerate(inside):
            places.append((inside, key))
            if isinstance(each, dict | list):
                walk(each)

    walk(whole)
    inside, key = random.choice(places)
    if isinstance(inside[key], torch.Tensor):
        inside[key] = tensor(inside[key], random)
    elif random.random() < 0.1:
        del inside[key]
    else:
        inside[key] = random.choice([value(inside[key], random), torch.zeros(2), {3: 4}, (1,)])
    buffer = io.BytesIO()
    torch.save(whole, buffer)
    return buffer.getvalue()


def table(path, random):
    """Change a Parquet file: a column's type, name, values or order, its metadata or its rows."""
    content = pq.read_table(path)
    place = random.randrange(content.num_columns)
    name, column = content.column_names[place], content.column(place)
    kind = random.randrange(8)
    if kind == 0:
        content = content.drop_columns([name])
    elif kind == 1:
        content = content.rename_columns([random.choice(["img", "image", "label", "x", ""])] * 2)
    elif kind == 2:
        content = content.append_column(random.choice([name, "labels", "\n"]), column)
    elif kind == 3:
        content = content.slice(0, random.choice([0, 1, 3]))
    elif kind == 4:
        content = content.replace_schema_metadata(
            {"huggingface": text('{"info": {"features": {"label": {"names": ["a"]}}}}', random)}
        )
    else:
        values = column.to_pylist()
        rows = len(values)
        odd = [
            *([None] * rows, [True] * rows, [0.5] * rows, ["a", "b", "\x1b"] * rows, [-1] * rows),
            *([2**63 - 1] * rows, [2**64 - 1] * rows, [b"\xff"] * rows, [[1]] * rows, [""] * rows),
            *(
                [{"bytes": None}] * rows,
                [{"bytes": b""}] * rows,
                [{"path": "x"}] * rows,
            ),
            *([10**9] * rows, [*values[:-1], None], [None, *values[1:]]),
            [value(each, random) if isinstance(each, int) else each for each in values],
        ]
        changed = random.choice(odd)[:rows]
        try:
            content = content.set_column(place, name, pa.array(changed))
        except (pa.ArrowException, OverflowError, UnicodeError):  # no column can hold them
            content = content.slice(1)
    pq.write_table(content, path)


def generator(seed):
    """Return the random generator that the functions above use."""
    return random.Random(struct.pack("<q", seed))
