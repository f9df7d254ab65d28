"""The referral content, loaded once."""

from pathlib import Path

import pytest

from bot.referral.proposal import Proposals


@pytest.fixture(scope="session")
def proposals(content: Path) -> Proposals:
    """The real reader and bands."""
    return Proposals.load(content)
