"""Line drawings of the exercises: a description becomes an SVG (`face`), and an SVG a PNG (`png`)."""

from bot.pictures.face import Arrow, Hand, Picture, draw
from bot.pictures.png import render

__all__ = ["Arrow", "Hand", "Picture", "draw", "render"]
