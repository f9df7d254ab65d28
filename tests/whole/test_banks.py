"""The product keeps to committed bounds on the test banks. `make banks` prints all figures with their intervals."""

import pytest
import yaml

from bench.banks import BANKS, measure

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(600)]


def test_every_share_on_the_test_banks_keeps_its_committed_bound() -> None:
    bounds: dict[str, float] = yaml.safe_load((BANKS / "bounds.yml").read_text(encoding="utf-8"))
    shares = {each.what: each.share for each in measure()}
    assert shares.keys() >= bounds.keys()
    assert {what: shares[what] for what, bound in bounds.items() if shares[what] < bound} == {}
