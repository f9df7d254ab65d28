"""The colours of a drawing: on a light and on a dark ground."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ground:
    """What a drawing is made of. Skin has the ground's own colour: nobody's in particular.

    Attributes:
        paper: the ground.
        ink: every line.
        tint: hair, pillow and cup, a little off the ground.
        accent: muscles (see through) and arrows. Told from the ground by brightness alone, too.
        hollow: the inside of the mouth.
        teeth: the teeth.
    """

    paper: str
    ink: str
    tint: str
    accent: str
    hollow: str
    teeth: str


GROUNDS = {
    "light": Ground(
        paper="#fbf7ef", ink="#2b2a28", tint="#ece4d6", accent="#0b6e78", hollow="#55514d", teeth="#fbf7ef"
    ),
    "dark": Ground(paper="#15181a", ink="#ece7dc", tint="#262b2e", accent="#5fd0d6", hollow="#000000", teeth="#454b4f"),
}

LINE = 5  # the one weight of all lines, in pixels


def stroke(path: str, extra: str = "") -> str:
    """A line in the drawing's ink."""
    return f'<path d="{path}"{extra}/>'


def area(path: str, colour: str, extra: str = "") -> str:
    """A filled figure without an outline."""
    return f'<path d="{path}" fill="{colour}" stroke="none"{extra}/>'


def outlined(path: str, colour: str) -> str:
    """A filled figure with an outline in the drawing's ink."""
    return f'<path d="{path}" fill="{colour}"/>'
