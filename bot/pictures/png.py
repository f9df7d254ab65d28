"""An SVG as a PNG, by resvg."""

from pathlib import Path

import resvg_py

PIXELS = 800
"""How wide a picture is."""

FONT = "Noto Sans"
"""The one font of pictures with text; it has Latin letters with their accents."""

_FOLDER = Path(__file__).parent / "fonts"
FONT_REGULAR, FONT_BOLD = _FOLDER / "NotoSans-Regular.ttf", _FOLDER / "NotoSans-Bold.ttf"


def render(svg: str) -> bytes:
    """The picture as a PNG, 800 pixels wide and as high as its shape asks. No font of the system is looked for.

    Raises:
        ValueError: when it isn't an SVG.
    """
    fonts = [str(FONT_REGULAR), str(FONT_BOLD)] if "<text" in svg else []
    return resvg_py.svg_to_bytes(svg_string=svg, width=PIXELS, skip_system_fonts=True, font_files=fonts)
