"""The gateway of the unit tests, fixture for fixture."""

from tests.unit.gateway.conftest import *  # noqa: F403 - whatever the unit tests come to share
