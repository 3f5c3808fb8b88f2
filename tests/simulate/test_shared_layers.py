from dataclasses import replace

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.errors import UserError
from irnet_hw.simulate import shared_layers, simulator
from irnet_hw.simulate.proof import simulate
from irnet_hw.tools.environment import cache_dir
from tests.networks import tiny_images
from tests.simulate.test_proof import flip

#: With this limit all matrix-vector units of the tiny network are compiled apart.
TINY_LUT = 40


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(shared_layers, "LEAST_LUT", TINY_LUT)


def layers(folder):
    return shared_layers.large_layers(folder, manifest.load(folder), ["-O3"])


def test_layers_apart_give_what_they_give_together(build_dir):
    content = manifest.load(build_dir)
    assert sum(len(one.parts) for one in layers(build_dir)) >= 5
    result = simulate(build_dir, tiny_images(20), None, tapped=4)
    assert result.differences == 0
    assert result.cycles_per_frame == content.cycles_per_frame


def test_weights_alone_compile_nothing(build_dir):
    content = manifest.load(build_dir)
    simulator.compile_accelerator(build_dir, content)
    flip(build_dir, "BinaryMVAU_rtl_0_weights.hex", 0)
    assert simulator.compile_accelerator(build_dir, manifest.load(build_dir)).seconds == 0.0


def test_a_wrong_weight_of_a_layer_apart_is_found(build_dir):
    flip(build_dir, "IntMVAU_rtl_0_weights.hex", 0)
    result = simulate(build_dir, tiny_images(20), None, tapped=20)
    assert result.differences > 0
    assert result.first_difference == "IntMVAU_rtl_0"


def test_equal_layers_are_one(build_dir):
    """A layer's copy with another name and other weights shares the compiled code."""
    name, copy = "BinaryMVAU_rtl_0", "BinaryMVAU_rtl_9"
    content = manifest.load(build_dir)
    for file in (build_dir / "rtl").glob(f"{name}*"):
        text = file.read_text().replace(name, copy)
        file.with_name(file.name.replace(name, copy)).write_text(text)
    (layer,) = (layer for layer in content.layers if layer.name == name)
    data = [file.replace(name, copy) for file in content.data if name in file]
    content = replace(
        content,
        layers=(*content.layers, replace(layer, name=copy)),
        sources=(*content.sources, f"rtl/{copy}.sv"),
        data=(*content.data, *data),
    )
    groups = [
        [one.layer for one in group.parts]
        for group in shared_layers.large_layers(build_dir, content, ["-O3"])
    ]
    assert [name, copy] in groups
    (shared,) = (
        group
        for group in shared_layers.large_layers(build_dir, content, ["-O3"])
        if group.parts[0].layer == name
    )
    assert set(shared.modules()) == {name, copy}
    files = {one.layer: {path.name for path in one.data.values()} for one in shared.parts}
    assert files[copy] == {file.replace(name, copy) for file in files[name]}
    assert [set(one.data) for one in shared.parts] == [
        {"this_layer_inits.hex", "this_layer_weights.hex"}
    ] * 2


def test_only_what_changed_is_compiled(build_dir):
    simulator.compile_accelerator(build_dir, manifest.load(build_dir))
    before = {path: path.stat().st_mtime_ns for path in (cache_dir() / "layers").iterdir()}
    changed = build_dir / "rtl" / "IntMVAU_rtl_0.sv"
    changed.write_text(changed.read_text() + f"// {build_dir}\n")
    assert simulator.compile_accelerator(build_dir, manifest.load(build_dir)).seconds > 0.0
    after = {path: path.stat().st_mtime_ns for path in (cache_dir() / "layers").iterdir()}
    assert len(after.keys() - before.keys()) == 1
    assert before.items() <= after.items()


def test_a_layer_that_does_not_compile_is_named(build_dir):
    broken = build_dir / "rtl" / "IntMVAU_rtl_0.sv"
    broken.write_text(broken.read_text().replace("endmodule", "endmodul"))
    with pytest.raises(UserError) as error:
        simulator.compile_accelerator(build_dir, manifest.load(build_dir))
    message = str(error.value)
    assert message.startswith("IntMVAU_rtl_0: does not compile:\n")
    assert "syntax error" in message
