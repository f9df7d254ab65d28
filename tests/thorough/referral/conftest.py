"""The referral content of the unit tests, fixture for fixture."""

from tests.unit.referral.conftest import *  # noqa: F403 - whatever the unit tests come to share
