from irnet_hw.report import condense, facts
from tests.report import example


def unit(place, before, text="convolution", cycles=100):
    """A fork, a kernel and a parallel FIFO, and a join; the first of them has the given place."""

    def layer(op, inputs, outputs, **more):
        return {
            "name": f"{op}_{place}",
            "op": op,
            "text": op,
            "plumbing": {"StreamFork": "fork", "StreamFIFO": "FIFO"}.get(op, ""),
            "fold": {"PE": 1},
            "cycles": {"model": cycles},
            "area": {"model": {"LUT": 10}},
            "parameters": {},
            "inputs": inputs,
            "outputs": outputs,
            **more,
        }

    first = before + 1
    ends = [(place, place + 1), (place, place + 2), (place + 1, place + 3), (place + 2, place + 3)]
    streams = [example.fact([4, 4, 8], "INT8", 8, 1, *pair) for pair in ends]
    layers = [
        layer("StreamFork", [before], [first, first + 1]),
        layer("BinaryMVAU", [first], [first + 2], text=text),
        layer("StreamFIFO", [first + 1], [first + 3], parameters={"depth": 20 + place}),
        layer("ResidualJoin", [first + 2, first + 3], [first + 4]),
    ]
    return layers, streams


def units(*texts):
    """The facts about several units in a row."""
    layers = []
    streams = [example.fact([4, 4, 8], "INT8", 8, 1, None, 0)]
    for text in texts:
        more, between = unit(len(layers), len(streams) - 1, text)
        layers += more
        last = example.fact([4, 4, 8], "INT8", 8, 1, len(layers) - 1, len(layers))
        streams += [*between, last]
    streams[-1]["target"] = None
    return {"layers": layers, "streams": streams}


def test_plumbing_counts_to_the_kernel_that_it_feeds():
    convolution, join = condense.kernels(units("convolution"))
    assert [layer["op"] for layer in convolution.before] == ["StreamFork"]
    assert [layer["op"] for layer in join.before] == ["StreamFIFO"]
    assert [source for source, _ in convolution.links] == [None]
    assert [source for source, _ in join.links] == [0, None]


def test_plumbing_at_the_end_counts_to_the_last_kernel(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["layers"][1]["plumbing"] = "register slice"
    (kernel,) = condense.kernels(content)
    assert [layer["name"] for layer in kernel.before] == ["IntMVAU_rtl_0"]


def test_what_repeats_is_there_once():
    chain = condense.kernels(units("first", "same", "same", "same", "last"))
    boxes, repeats = condense.boxes(chain)
    assert [len(box.kernels) for box in boxes] == [1, 1, 3, 3, 1, 1]
    assert repeats == [condense.Repeat(2, 4, 3)]
    assert [[source for source, _ in box.links] for box in boxes] == [
        [None],
        [0, None],
        [1],
        [2, 1],
        [3],
        [4, 3],
    ]
    assert sorted(kernel.layer["name"] for box in boxes for kernel in box.kernels) == sorted(
        kernel.layer["name"] for kernel in chain
    )


def test_the_longest_repetition_counts():
    boxes, repeats = condense.boxes(condense.kernels(units("first", *["a", "a", "b"] * 2)))
    assert len(boxes) == 8
    assert repeats == [condense.Repeat(2, 8, 2)]


def test_the_same_kernels_in_other_connections_do_not_repeat():
    content = units("same", "same")
    content["streams"][5]["lanes"] = 8
    boxes, repeats = condense.boxes(condense.kernels(content))
    assert len(boxes) == 4
    assert repeats == []


def test_sums_of_areas(tmp_path):
    layers = facts.gather(example.write_folder(tmp_path / "build"))["layers"]
    assert condense.area(layers, "synth") == {"LUT": 2600, "FF": 420, "BRAM18": 2, "DSP": 4}
    assert condense.area([], "model") == {}
