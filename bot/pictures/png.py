"""An SVG as a PNG, by resvg."""

import resvg_py

PIXELS = 800


def render(svg: str) -> bytes:
    """The picture as a PNG, 800 x 800 pixels. No font of the system is looked for: pictures have no text.

    Raises:
        ValueError: when it isn't an SVG.
    """
    return resvg_py.svg_to_bytes(svg_string=svg, width=PIXELS, height=PIXELS, skip_system_fonts=True)
