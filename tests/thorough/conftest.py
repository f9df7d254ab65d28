"""The tests that are heavy by nature have the same ground under them as the unit tests."""

from tests.unit.conftest import *  # noqa: F403 - whatever the unit tests come to share
