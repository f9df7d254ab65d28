"""The referral content, loaded once."""

import pytest

from bot.referral.proposal import Proposals
from tests.unit import loaded


@pytest.fixture(scope="session")
def proposals() -> Proposals:
    """The real reader and bands."""
    return loaded.proposals()
