from types import SimpleNamespace

import pytest

from irnet_hw.simulate.deadlock import State, explain

# A fork, a layer on one branch, a FIFO on the other, and a join.
ENDS = [(None, 0), (0, 1), (0, 2), (1, 3), (2, 3), (3, None)]
MANIFEST = SimpleNamespace(
    streams=[SimpleNamespace(source=source, target=target) for source, target in ENDS],
    layers=[
        SimpleNamespace(name="fork", inputs=[0], outputs=[1, 2]),
        SimpleNamespace(name="conv", inputs=[1], outputs=[3]),
        SimpleNamespace(name="fifo", inputs=[2], outputs=[4]),
        SimpleNamespace(name="join", inputs=[3, 4], outputs=[5]),
    ],
)
OFFERED, ASKED, IDLE, DONE = (True, False), (False, True), (False, False), None


def explained(*handshakes):
    states = [
        State(moved=20, beats=20, frame=10, last=90, valid=False, ready=True)
        if handshake is DONE
        else State(12, 20, 10, 50 + i, *handshake)
        for i, handshake in enumerate(handshakes)
    ]
    return explain(MANIFEST, states, 1000)


def test_a_buffer_that_is_too_small_is_on_the_circle():
    """The layer waits for more beats from the fork, which waits for room in the FIFO."""
    assert explained(OFFERED, ASKED, OFFERED, ASKED, OFFERED, ASKED) == (
        "hangs in cycle 1000: deadlock: these streams wait for each other in a circle: "
        "conv, fork.out0, fork.out1, fifo\n"
        "  in0_V: 1 images and 2 of 10 beats, last in cycle 50; offered, not taken\n"
        "  fork.out0: 1 images and 2 of 10 beats, last in cycle 51; asked for\n"
        "  fork.out1: 1 images and 2 of 10 beats, last in cycle 52; offered, not taken\n"
        "  conv: 1 images and 2 of 10 beats, last in cycle 53; asked for\n"
        "  fifo: 1 images and 2 of 10 beats, last in cycle 54; offered, not taken\n"
        "  join: 1 images and 2 of 10 beats, last in cycle 55; asked for"
    )


@pytest.mark.parametrize(
    ("handshakes", "blame"),
    [
        (
            (OFFERED, OFFERED, OFFERED, ASKED, OFFERED, ASKED),
            "conv has stopped: it gives no more beats and waits for nothing",
        ),
        (
            (DONE, DONE, DONE, DONE, IDLE, IDLE),
            "fifo has stopped: it gives no more beats and waits for nothing",
        ),
        (
            (OFFERED, IDLE, OFFERED, ASKED, ASKED, ASKED),
            "fifo has stopped: it takes no beat of fork.out1 and waits for nothing",
        ),
        (
            (OFFERED, IDLE, IDLE, ASKED, ASKED, ASKED),
            "fork has stopped: it gives no more beats and waits for nothing",
        ),
        (
            (OFFERED, OFFERED, OFFERED, OFFERED, OFFERED, ASKED),
            "join has stopped: it gives no more beats and waits for nothing",
        ),
    ],
)
def test_the_layer_that_waits_for_nothing_is_to_blame(handshakes, blame):
    assert explained(*handshakes).splitlines()[0] == f"hangs in cycle 1000: {blame}"
