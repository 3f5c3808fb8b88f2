from irnet_hw.report import facts, tables
from tests.report import example


def gathered(tmp_path, **options):
    return facts.gather(example.write_folder(tmp_path / "build", **options))


def test_ops_are_summed_the_largest_first(tmp_path):
    content = gathered(tmp_path)
    content["layers"].append(
        {**content["layers"][1], "area": {"model": {"LUT": 1, "FF": 2, "BRAM18": 3, "DSP": 4}}}
    )
    assert tables.ops(content) == [
        {
            "op": "IntMVAU",
            "count": 2,
            "area": {"model": {"LUT": 1235, "FF": 202, "BRAM18": 3, "DSP": 6}},
        },
        {
            "op": "SlidingWindow",
            "count": 1,
            "area": {
                "model": {"LUT": 1234, "FF": 200, "BRAM18": 0, "DSP": 2},
                "synth": {"LUT": 1300, "FF": 210, "BRAM18": 1, "DSP": 2},
            },
        },
    ]


def test_plumbing_stands_beside_the_kernel_that_it_feeds(tmp_path):
    content = gathered(tmp_path)
    content["layers"][0]["plumbing"] = "FIFO"
    (row,) = tables.layers(content)
    assert row["name"] == "IntMVAU_rtl_0"
    assert row["before"] == {"model": 1234, "synth": 1300}


def test_what_was_compared_is_summed(tmp_path):
    content = gathered(tmp_path, differences=3)
    tensors = content["proof"]["tensors"]
    content["proof"]["tensors"] = [tensors[0], tensors[0], tensors[1]]
    rows = [tuple(row.values()) for row in tables.compared(content)]
    assert rows == [("SlidingWindow", "NumPy model", 2, 2304, 0), ("IntMVAU", "QONNX", 1, 16, 3)]


def test_nothing_was_compared_before_simulation(tmp_path):
    assert tables.compared(gathered(tmp_path, simulated=False)) == []


def test_the_next_doubling_beside_what_may_be_used(tmp_path):
    content = gathered(tmp_path)
    assert tables.doubling(content)[0] == {
        "title": "LUTs",
        "now": 2468,
        "then": 4936,
        "usable": 42560,
    }
    content["throughput"]["next_doubling"] = None
    assert tables.doubling(content) == []
