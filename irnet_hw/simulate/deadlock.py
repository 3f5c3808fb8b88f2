"""Why an accelerator hangs: which layer stopped, or which ones wait for each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from irnet_hw.artifact.manifest import Layer, Manifest


@dataclass(frozen=True)
class State:
    """A stream's state when nothing has moved for a long time.

    Attributes:
        moved: beats so far.
        beats: beats that should move in total.
        frame: beats per image.
        last: cycle of the latest beat.
        valid: a beat is offered.
        ready: a beat would be taken.
    """

    moved: int
    beats: int
    frame: int
    last: int
    valid: bool
    ready: bool

    @property
    def starves(self) -> bool:
        """Whether beats are missing and not offered."""
        return self.moved < self.beats and not self.valid

    @property
    def blocked(self) -> bool:
        """Whether a beat is offered but not taken."""
        return self.valid and not self.ready


def explain(manifest: Manifest, states: Sequence[State], cycle: int) -> str:
    """Return what is to blame, and a line about each stream.

    The search starts at the output, which lacks beats, and moves on to whatever its layer waits
    for, and so on: upstream where a stream starves, downstream where it is blocked. It ends at a
    layer that waits for nothing and yet doesn't move, or in a circle: then a buffer on the circle
    is too small.

    Args:
        manifest: the accelerator's.
        states: its streams', while input data is offered and the output is ready.
        cycle: the current one.
    """
    layers, names = manifest.layers, stream_names(manifest)
    way = [len(states) - 1]
    while True:
        stream = way[-1]
        starves, link = states[stream].starves, manifest.streams[stream]
        end = link.source if starves else link.target
        assert end is not None, "neither end of the accelerator waits"
        layer = layers[end]
        cause = _waits_for(layer, states, stream)
        if cause is None:
            idle = "gives no more beats" if starves else f"takes no beat of {names[stream]}"
            why = f"{layer.name} has stopped: it {idle} and waits for nothing"
            break
        if cause in way:
            circle = [names[stream] for stream in way[way.index(cause) :]]
            why = f"deadlock: these streams wait for each other in a circle: {', '.join(circle)}"
            break
        way.append(cause)
    lines = [f"hangs in cycle {cycle}: {why}"]
    lines += [f"  {name}: {_progress(state)}" for name, state in zip(names, states, strict=True)]
    return "\n".join(lines)


def stream_names(manifest: Manifest) -> list[str]:
    """Return readable names of the streams: the input's port, or the layer that writes it."""
    names = ["in0_V"]
    for layer in manifest.layers:
        count = len(layer.outputs)
        names += [layer.name + (f".out{port}" if count > 1 else "") for port in range(count)]
    return names


def _waits_for(layer: Layer, states: Sequence[State], stream: int) -> int | None:
    """Return the stream that a layer waits for while it doesn't serve ``stream``, or None.

    A layer that asks for a beat waits for that first; one whose beat isn't taken waits for that;
    and one that asks for nothing may still wait for its first input.
    """
    inputs = [i for i in layer.inputs if i != stream and states[i].starves]
    asked = [i for i in inputs if states[i].ready]
    blocked = [i for i in layer.outputs if i != stream and states[i].blocked]
    return next(iter([*asked, *blocked, *inputs]), None)


def _progress(state: State) -> str:
    image, beat = divmod(state.moved, state.frame)
    when = f"last in cycle {state.last}" if state.moved else "no beat yet"
    if state.moved >= state.beats:
        now = "complete"
    elif state.blocked:
        now = "offered, not taken"
    else:
        now = "asked for" if state.ready else "neither offered nor asked for"
    return f"{image} images and {beat} of {state.frame} beats, {when}; {now}"
