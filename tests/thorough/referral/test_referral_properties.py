"""What holds for every letter."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.referral.bands import ORDER
from bot.referral.proposal import Proposals

DAY = date(2026, 11, 19)
SENTENCES = [
    "Dear Colleague,", "Thank you for seeing this 45 year old lady.", "Left Bell's palsy 8 weeks ago.", "HB III.",
    "Eye closes fully.", "No otalgia, otorrhoea, hearing loss or vesicles.", "Denies limb weakness or slurred speech.",
    "PMH: diabetes, stroke 2015.", "Her mother had a stroke.", "MRI normal.", "She is improving.",
    "Call 999 if arm weakness develops.", "?hearing loss", "Onset: 12/09/2026", "Eye drops and tape at night.",
    "Incomplete eye closure.", "She has synkinesis.", "Mood low.", "Previous Bell's palsy 2010.", "Speech normal.",
    "[ ] Otalgia", "[x] Vesicles", "Hearing loss: No",
]  # fmt: skip
HEADINGS = ["Family history", "Past medical history:", "O/E:", "Safety net advice -"]
RED_FLAGS = [
    "He has slurred speech since this morning.", "New right arm weakness.", "She has thoughts of suicide.",
    "The eye is red and painful.", "Tingling in both feet spreading up.", "He is breathless.", "Melaena since yesterday.",
]  # fmt: skip
_letters = st.lists(st.sampled_from(SENTENCES), max_size=10, unique=True)
_any_text = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from([*SENTENCES, *HEADINGS, *RED_FLAGS, "\n", "?", "3/52", "(L)", "[x]", "\u200b", "-", "HB VI"])
    ).map(" ".join),
)


@settings(deadline=None, max_examples=300)
@given(text=_any_text)
def test_any_text_is_read_and_every_quote_is_of_the_letter(proposals: Proposals, text: str) -> None:
    referral, banding = proposals(text, DAY)
    assert banding.band in ORDER
    quotes = [each.quote for each in referral.findings.values()] + list(referral.quotes.values())
    assert all(quote is None or (quote and quote in text) for quote in quotes)
    assert all(quote in text for reason in banding.reasons for quote in reason.quotes)


@settings(deadline=None, max_examples=150)
@given(letter=_letters, flag=st.sampled_from(RED_FLAGS))
def test_a_red_flag_more_never_lowers_the_band(proposals: Proposals, letter: list[str], flag: str) -> None:
    _, before = proposals("\n\n".join(letter), DAY)
    _, after = proposals("\n\n".join([*letter, flag]), DAY)
    assert ORDER.index(after.band) <= ORDER.index(before.band)


@settings(deadline=None, max_examples=150)
@given(letter=_letters, data=st.data())
def test_a_sentence_less_never_makes_a_no_of_what_was_unstated(
    proposals: Proposals, letter: list[str], data: st.DataObject
) -> None:
    kept = [each for each in letter if data.draw(st.booleans())]
    whole, _ = proposals("\n\n".join(letter), DAY)
    part, _ = proposals("\n\n".join(kept), DAY)
    for name, each in part.findings.items():
        assert each.value != "no" or name in whole.findings, (name, each)
