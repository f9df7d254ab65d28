"""The alarm alone, as letters are put to it: the real trained model in its own environment."""

import pytest

from bot.second_reader import SecondReader

pytestmark = pytest.mark.engine


def test_a_sign_in_words_of_its_own_is_louder_than_any_ordinary_sentence_of_a_letter() -> None:
    signs = [
        "Since breakfast she keeps letting go of things on the right and cannot find her words.",
        "He told me that he has saved up his tablets and has written letters to his children.",
    ]
    ordinary = [
        "Thank you for seeing this teacher with a left facial palsy since September.",
        "He closes the eye fully and uses drops by day.",
        "She would like to be able to drink from a cup again.",
    ]
    with SecondReader() as hear:
        odds = hear([*signs, *ordinary])

    assert odds is not None
    assert min(odds[: len(signs)]) > max(0.0, *odds[len(signs) :])
