"""The dialogue of the unit tests, fixture for fixture."""

from tests.unit.dialogue.conftest import *  # noqa: F403 - whatever the unit tests come to share
