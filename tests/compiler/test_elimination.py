import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.compiler.folding.elimination import Problem, minimise


def series_parallel(draw, random: np.random.Generator) -> list[tuple[int, int]]:
    """Edges from series and parallel steps that start from one edge, as pairs of variables."""
    edges, variables = [(0, 1)], 2
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(edges) - 1))
        a, b = edges[at]
        step = draw(st.sampled_from(["series", "parallel", "leaf"]))
        if step == "series":
            edges[at : at + 1] = [(a, variables), (b, variables)]
        elif step == "parallel":
            edges += [(a, variables), (variables, b)]
        else:
            edges.append((variables, a))
        variables += 1
    random.shuffle(edges)
    return edges


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_finds_the_least_sum(data, seed: int) -> None:
    random = np.random.default_rng(seed)
    edges = series_parallel(data.draw, random)
    count = 1 + max(max(edge) for edge in edges)
    sizes = random.integers(1, 4, count)
    problem = Problem([random.integers(0, 50, size).astype(float) for size in sizes])
    for a, b in edges:
        costs = random.integers(0, 50, (sizes[a], sizes[b])).astype(float)
        costs[random.random(costs.shape) < 0.2] = np.inf
        problem.add(a, b, costs)
    least, places = minimise(problem)
    sums = {
        values: sum(costs[at] for costs, at in zip(problem.single, values, strict=True))
        + sum(costs[values[a], values[b]] for (a, b), costs in problem.pairs.items())
        for values in itertools.product(*(range(size) for size in sizes))
    }
    assert least == sums[tuple(places)] == min(sums.values())


def test_adds_costs_of_the_same_pair_whatever_its_order() -> None:
    problem = Problem([np.zeros(2), np.zeros(3)])
    problem.add(0, 1, np.arange(6.0).reshape(2, 3))
    problem.add(1, 0, np.full((3, 2), 10.0))
    assert list(problem.pairs) == [(0, 1)]
    assert problem.pairs[0, 1].tolist() == [[10, 11, 12], [13, 14, 15]]


def test_refuses_what_is_not_made_of_series_and_parallel_connections() -> None:
    problem = Problem([np.zeros(2)] * 4)
    for a, b in itertools.combinations(range(4), 2):
        problem.add(a, b, np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"^the graph has other than series and parallel"):
        minimise(problem)
