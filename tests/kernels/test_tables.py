import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.kernels.tables import BITS, WORDS, tables


@given(
    rows=st.integers(1, 40),
    lanes=st.integers(1, 20),
    depth=st.integers(1, WORDS // 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_halves_of_block_rams_hold_the_counts_of_matches(rows, lanes, depth, seed):
    rng = np.random.default_rng(seed)
    found = tables(rows, lanes, depth)
    weights = rng.integers(0, 2, (depth, lanes, rows))
    blocks = found.contents(weights)
    assert len(blocks) == found.blocks
    assert all(len(words) == 2 * WORDS for words in blocks)
    halves = [words[start : start + WORDS] for words in blocks for start in (0, WORDS)]
    word, bits = int(rng.integers(depth)), rng.integers(0, 2, lanes)
    total = np.zeros(rows, np.int64)
    for start in range(0, lanes, found.group):
        of_group = bits[start : start + found.group]
        address = word << found.group | sum(int(bit) << i for i, bit in enumerate(of_group))
        width = len(of_group).bit_length()
        read, columns = 0, -(-rows * width // BITS)
        for column in range(columns):
            read |= halves.pop(0)[address] << (column * BITS)
        for row in range(rows):
            total[row] += sum((read >> (c * rows + row) & 1) << c for c in range(width))
    assert total.tolist() == (weights[word] == bits[:, None]).sum(axis=0).tolist()
