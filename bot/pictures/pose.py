"""What each pose does to the face, in pixels of an 800 x 800 drawing."""

import math
from dataclasses import dataclass, replace

from bot.pictures.line import Point

MOUTH_LINE = 462.0
DROOP = 4.0  # how much lower brow and mouth corner of the weak side stand: enough to tell, not to dwell on


@dataclass(frozen=True)
class Pose:
    """A pose of face and head. All zeros is a face at rest, looking at you.

    Attributes:
        brow: how far the brows rise.
        lid: how far the eyes are open, 0 (closed) to 1.
        gaze: how far the irises stand below the middle; negative is above.
        wrinkle: how far the wings of the nose rise.
        corner_out: how far the mouth corners move from the middle; negative is towards it.
        corner_up: how far the mouth corners rise.
        upper: how far the upper lip rises in the middle.
        gap: how far the lower lip stands from the upper one, in the middle.
        lips: thickness of the lips, 1 at rest.
        jaw: how far the chin drops.
        roll: degrees by which the head leans to the strong side.
        yaw: degrees by which the head turns to the strong side.
        pitch: degrees by which the head looks up.
        teeth: which row is seen: none, `upper`, `lower`, or `both` of them, meeting.
        tongue: whether the tip of the tongue is seen, lifted.
        speaking: whether a sound leaves the mouth.
        cup: whether a cup stands at the lips.
        pillow: whether the head lies on a pillow.
    """

    brow: float = 0
    lid: float = 1
    gaze: float = 0
    wrinkle: float = 0
    corner_out: float = 0
    corner_up: float = 0
    upper: float = 0
    gap: float = 0
    lips: float = 1
    jaw: float = 0
    roll: float = 0
    yaw: float = 0
    pitch: float = 0
    teeth: str = ""
    tongue: bool = False
    speaking: bool = False
    cup: bool = False
    pillow: bool = False

    def at(self, x: float, y: float, z: float | None = None) -> Point:
        """Where a point of the resting head (x from its middle, weak side positive) is in this pose.

        `z` is how far it stands before the plane of the ears; without it, as far as the skin there.
        """
        near = max(0.0, 1 - abs(x) / 230)
        below = min(1.0, max(0.0, (y - MOUTH_LINE) / 60))
        y += self.jaw * near * below * below * (3 - 2 * below)
        if z is None:
            z = 150 * math.sqrt(max(0.0, 1 - (x / 195) ** 2 - ((y - 320) / 300) ** 2))
        y -= 340
        yaw, pitch, roll = (math.radians(angle) for angle in (self.yaw, self.pitch, self.roll))
        x, z = x * math.cos(yaw) - z * math.sin(yaw), z * math.cos(yaw) + x * math.sin(yaw)
        y = y * math.cos(pitch) - z * math.sin(pitch)
        y -= 270  # the head leans about the foot of the neck
        x, y = x * math.cos(roll) + y * math.sin(roll), y * math.cos(roll) - x * math.sin(roll)
        return (x, y + 610)

    def corner(self, side: int) -> tuple[float, float]:
        """The mouth corner of the weak (1) or the other side (-1), before the head is turned."""
        droop = DROOP if side > 0 else 0
        return (side * (55 + self.corner_out), MOUTH_LINE - self.corner_up + droop)

    @property
    def turned(self) -> "Pose":
        """The head held as in this pose, the face at rest."""
        return Pose(roll=self.roll, yaw=self.yaw, pitch=self.pitch)

    def leaning_from(self, side: int) -> "Pose":
        """The pose with its lean and turn away from that side."""
        return self if side > 0 else replace(self, roll=-self.roll, yaw=-self.yaw)


POSES: dict[str, Pose] = {
    "rest": Pose(),
    "eyes-closed": Pose(lid=0),
    "look-down": Pose(lid=0.5, gaze=10, brow=-2),
    "look-up": Pose(gaze=-9, brow=6, lid=1.15),
    "half-smile": Pose(corner_out=9, corner_up=11),
    "small-o": Pose(corner_out=-29, gap=13, upper=9, lips=1.05),
    "lips-sealed": Pose(lips=0.62, corner_out=1),
    "brow-raised": Pose(brow=20, lid=1.1),
    "nose-wrinkle": Pose(wrinkle=10, upper=3, brow=-2, lid=0.84, corner_up=3),
    "lower-lip": Pose(gap=18, upper=0, corner_out=6, corner_up=-1, teeth="lower"),
    "jaw-drop": Pose(jaw=32, gap=32, corner_out=-6, upper=2),
    "clench": Pose(gap=12, upper=4, corner_up=4, corner_out=2, teeth="both"),
    "tongue-press": Pose(gap=30, jaw=20, upper=4, corner_out=1, tongue=True, teeth="upper"),
    "talk": Pose(gap=16, jaw=6, upper=3, corner_out=-4, speaking=True),
    "sip": Pose(corner_out=-12, gap=6, upper=2, cup=True),
    "head-tilt": Pose(roll=17),
    "look-up-away": Pose(yaw=17, pitch=24, gaze=-6),
    "lying": Pose(lid=0, pillow=True),
}
