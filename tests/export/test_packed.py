"""A packed checkpoint gives the same export as the original checkpoint."""

from irnet_hw.export.station import export
from irnet_hw.train.pack import pack
from tests.export.networks import tiny_checkpoint, tiny_network


def test_the_same_files(tmp_path):
    whole = tiny_checkpoint(tmp_path / "whole.pt", tiny_network())
    pack(whole, tmp_path / "packed.pt")
    ours, others = (
        export(tmp_path / f"{name}.pt", tmp_path / name) for name in ("packed", "whole")
    )
    assert ours.summary == others.summary
    for name in ("model.onnx", "golden.npz", "heldout.npz", "export.json"):
        assert (tmp_path / "packed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
