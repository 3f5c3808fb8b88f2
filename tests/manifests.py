"""Manifests with something changed, as anybody can make them."""

from dataclasses import replace


def changed(built, values):
    """Return a manifest, or a part of one, with other values, by keys such as "shell.version"."""
    for path, value in values.items():
        key, _, rest = path.partition(".")
        inner = changed(getattr(built, key), {rest: value}) if rest else value
        built = replace(built, **{key: inner})
    return built


def route(identity, clock_mhz):
    """Return the text of a route.json; the clock can be any text."""
    return (
        '{"kind": "route", "identity": "'
        f'{identity}", "flow": "vivado", "part": "xc7z020clg400-1", "target_mhz": 100.0, '
        '"LUT": 1, "FF": 1, "BRAM18": 0, "DSP": 0, "tool": "Vivado 2023.2", '
        '"half_luts": null, "seeds": {}, '
        f'"clock_mhz": {clock_mhz}, "clock_from": "vendor", "bytes": 4, "seconds": 1.0}}'
    )
