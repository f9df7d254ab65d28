"""The place in the queue, and a clinician's band beside the rules'."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.desk.sorting import Sorter
from bot.referral.record import CAUSES, Proposed, Referral
from bot.settings import CONTENT
from bot.store.referrals import Override

TODAY = date(2026, 11, 23)
SORTER = Sorter.load(CONTENT)
MILD = Referral(
    received=TODAY - timedelta(days=3),
    onset=TODAY - timedelta(days=200),
    side="L",
    cause="bells",
    grade="HB 2",
    findings={"cannot_close_eye": Proposed("no"), "any_movement_back": Proposed("yes")},
)

referrals = st.builds(
    Referral,
    received=st.integers(0, 200).map(lambda days: TODAY - timedelta(days=days)),
    onset=st.one_of(st.none(), st.integers(200, 900).map(lambda days: TODAY - timedelta(days=days))),
    side=st.sampled_from([None, "L", "R", "both"]),
    cause=st.sampled_from([None, *CAUSES]),
    grade=st.sampled_from([None, "HB 2", "HB 4", "HB 6"]),
    findings=st.dictionaries(
        st.sampled_from(
            ["cannot_close_eye", "arm_or_leg_weak", "fever", "synkinesis", "lump_cheek_jaw_neck", "eye_red"]
        ),
        st.sampled_from(["yes", "no", "unsure"]).map(Proposed),
    ),
)


def override(band: str, saw: tuple[str, ...] = ()) -> Override:
    return Override(band, "A reason of the clinician's.", 1, "Invented", datetime(2026, 11, 22, tzinfo=UTC), saw)


@given(referrals, referrals)
def test_the_place_sorts_as_the_core_orders(one: Referral, two: Referral) -> None:
    first, second = (SORTER.sort(each, TODAY) for each in (one, two))
    orders = [SORTER._bands.order(SORTER._bands(each, TODAY)) for each in (one, two)]
    if orders[0][:4] != orders[1][:4]:
        assert (first.place < second.place) == (orders[0] < orders[1])
    elif abs(orders[0][4] - orders[1][4]) > 1e-4:
        assert (first.place < second.place) == (orders[0][4] < orders[1][4])


@given(referrals)
def test_a_red_flag_is_above_whatever_is_in_the_same_band(referral: Referral) -> None:
    sorting = SORTER.sort(referral, TODAY)
    quiet = SORTER.sort(MILD, TODAY, override(sorting.band, ()))
    assert not quiet.flags and quiet.band == sorting.band
    if sorting.flags:
        assert sorting.place < quiet.place


@given(referrals, st.sampled_from(list(SORTER.bands)))
def test_a_clinicians_band_holds_when_they_saw_every_red_flag(referral: Referral, band: str) -> None:
    machine = SORTER.sort(referral, TODAY)
    saw = tuple(str(rule["id"]) for rule in machine.machine_rules)
    own = SORTER.sort(referral, TODAY, override(band, saw))
    assert (own.band, own.machine_band, list(own.flags)) == (band, machine.machine_band, [])
    unseen = SORTER.sort(referral, TODAY, override(band, ()))
    assert unseen.band == (machine.band if machine.flags else band)


def test_two_working_days_skip_the_weekend() -> None:
    friday = date(2026, 11, 20)
    redirected = SORTER.sort(Referral(received=friday), friday, override("REDIRECT"))
    assert redirected.target_on in {date(2026, 11, 24), friday}  # the latter when the rules opened a red flag
    mild = Referral(**{**{name: getattr(MILD, name) for name in MILD.__slots__}, "received": friday})
    assert SORTER.sort(mild, friday, override("REDIRECT")).target_on == date(2026, 11, 24)


@given(referrals)
def test_a_place_fits_its_column_and_is_of_one_length(referral: Referral) -> None:
    assert len(SORTER.sort(referral, TODAY).place) == 16
    assert len(SORTER.sort(referral, TODAY).ruleset) <= 64
