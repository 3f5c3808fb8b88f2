import json

import numpy as np
import pytest

from irnet_hw.share import share
from tests.bench import compile_bench

ROWS = 16


def count(bits, ones, twos, tmp_path):
    """Return the RTL's counts (cycles, ROWS) for bits (cycles, ROWS, ones + twos)."""
    bench = compile_bench(
        [share("rtl") / "lint.vlt", share("rtl") / "mvau" / "popcount.sv"],
        "popcount",
        {"ROWS": ROWS, "ONES": ones, "TWOS": twos},
    )
    columns = bits.transpose(0, 2, 1).reshape(len(bits), -1)[:, ::-1]  # element 0 lowest
    words = [f"{int(''.join(map(str, word)), 2):x}" for word in columns.tolist()]
    case, result = tmp_path / "case.json", tmp_path / "result.json"
    case.write_text(json.dumps({"words": words}))
    bench.run("tests.rtl.popcount_bench", {"CASE": str(case), "RESULT": str(result)})
    width = int(ones + 2 * twos).bit_length()
    return np.array(
        [
            [int(word, 16) >> (row * width) & ((1 << width) - 1) for row in range(ROWS)]
            for word in json.loads(result.read_text())
        ]
    )


@pytest.mark.parametrize(("ones", "twos"), [(1, 0), (4, 0), (6, 0), (11, 0), (3, 3), (5, 6)])
def test_counts_every_input(ones, twos, tmp_path):
    every = np.arange(1 << (ones + twos))
    bits = every[:, None] >> np.arange(ones + twos) & 1
    bits = np.concatenate([bits] * ROWS)[: max(len(bits), ROWS)].reshape(-1, ROWS, ones + twos)
    weights = np.repeat([1, 2], [ones, twos])
    np.testing.assert_array_equal(count(bits, ones, twos, tmp_path), bits @ weights)


@pytest.mark.parametrize(("ones", "twos"), [(32, 0), (64, 0), (22, 22), (257, 0)])
def test_counts_random_inputs_of_any_density(ones, twos, tmp_path):
    rng = np.random.default_rng(ones)
    density = rng.random((200, ROWS, 1))
    density[:20], density[20:40] = 0, 1
    bits = (rng.random((200, ROWS, ones + twos)) < density).astype(np.int64)
    weights = np.repeat([1, 2], [ones, twos])
    np.testing.assert_array_equal(count(bits, ones, twos, tmp_path), bits @ weights)
