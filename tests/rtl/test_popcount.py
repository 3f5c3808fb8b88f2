import json

import numpy as np
import pytest

from irnet_hw.share import share
from irnet_hw.verilog.library import library
from tests.bench import compile_bench

ROWS = 16


def count(bits, heights, tmp_path):
    """Return the RTL's counts (cycles, ROWS) for bits (cycles, ROWS, sum of heights)."""
    width = sum(height << column for column, height in enumerate(heights)).bit_length()
    packed = sum(height << 16 * column for column, height in enumerate(heights))
    bench = compile_bench(
        [share("rtl") / "lint.vlt", *(library()[name] for name in ("counter_7_3", "popcount"))],
        "popcount",
        {
            "ROWS": ROWS,
            "N": sum(heights),
            "BITS": width,
            "HEIGHTS": f"{16 * width}'h{packed:x}",
        },
    )
    columns = bits.transpose(0, 2, 1).reshape(len(bits), -1)[:, ::-1]  # element 0 lowest
    words = [f"{int(''.join(map(str, word)), 2):x}" for word in columns.tolist()]
    case, result = tmp_path / "case.json", tmp_path / "result.json"
    case.write_text(json.dumps({"words": words}))
    bench.run("tests.rtl.popcount_bench", {"CASE": str(case), "RESULT": str(result)})
    return np.array(
        [
            [int(word, 16) >> (row * width) & ((1 << width) - 1) for row in range(ROWS)]
            for word in json.loads(result.read_text())
        ]
    )


def weights(heights):
    """Return the weight of each bit of a row."""
    return np.repeat(1 << np.arange(len(heights)), heights)


@pytest.mark.parametrize("heights", [(1,), (4,), (6,), (11,), (3, 3), (5, 6), (2, 3, 3, 2)])
def test_counts_every_input(heights, tmp_path):
    every, height = np.arange(1 << sum(heights)), sum(heights)
    bits = every[:, None] >> np.arange(height) & 1
    bits = np.concatenate([bits] * ROWS)[: max(len(bits), ROWS)].reshape(-1, ROWS, height)
    np.testing.assert_array_equal(count(bits, heights, tmp_path), bits @ weights(heights))


@pytest.mark.parametrize("heights", [(32,), (64,), (22, 22), (257,), (12, 24, 24, 12)])
def test_counts_random_inputs_of_any_density(heights, tmp_path):
    rng = np.random.default_rng(heights[0])
    density = rng.random((200, ROWS, 1))
    density[:20], density[20:40] = 0, 1
    bits = (rng.random((200, ROWS, sum(heights))) < density).astype(np.int64)
    np.testing.assert_array_equal(count(bits, heights, tmp_path), bits @ weights(heights))
