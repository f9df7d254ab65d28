"""Other languages are met in their own words, with the emergency number; English is never taken for another."""

import pytest

from bot.dialogue.language import Languages
from bot.outcome import Kind
from tests.unit.dialogue.conftest import FakeEngine, Person

OTHERS = [
    ("es", "Hola, tengo la cara paralizada y no puedo cerrar el ojo"),
    ("es", "¿Cuándo puedo volver al trabajo? Mi cara está torcida"),
    ("fr", "Bonjour, mon visage est paralysé depuis hier, que faire ?"),
    ("fr", "j'ai mal à l'oeil et je ne peux pas le fermer"),
    ("de", "Hallo, mein Gesicht ist gelähmt und ich kann das Auge nicht schließen"),
    ("de", "Was kann ich tun, mein Auge ist offen"),
    ("it", "Ciao, ho una paralisi del viso e non posso chiudere l'occhio"),
    ("pt", "Olá, meu rosto está paralisado e não posso fechar o olho"),
    ("pt", "Não consigo fechar o olho do lado esquerdo, o que posso fazer?"),
    ("nl", "Hallo, mijn gezicht is scheef en ik kan mijn oog niet sluiten"),
    ("nl", "Mijn oog is droog, wat moet ik doen?"),
    ("pl", "Cześć, nie mogę zamknąć oka, co robić, boli mnie twarz"),
    ("ro", "Bună, nu pot să închid ochiul și fața este amorțită"),
    ("tr", "Merhaba, gözüm kapanmıyor, ne yapmalıyım, yardım edin"),
    ("sv", "Hej, jag kan inte stänga mitt öga och ansiktet hänger"),
    ("ru", "Здравствуйте, у меня паралич лица, что делать?"),
    ("el", "Γεια σας, δεν μπορώ να κλείσω το μάτι μου"),
    ("ar", "مرحبا، لا أستطيع إغلاق عيني"),
    ("he", "שלום, אני לא מצליח לסגור את העין"),
    ("hi", "नमस्ते, मेरा चेहरा टेढ़ा हो गया है"),
    ("bn", "আমার মুখ বেঁকে গেছে, আমি চোখ বন্ধ করতে পারছি না"),
    ("zh", "我的左脸从昨天开始不能动了"),
    ("ja", "顔の左側が動きません。どうすればいいですか"),
    ("ja", "ベル麻痺です"),
    ("ko", "얼굴 한쪽이 움직이지 않아요"),
]
ENGLISH = [
    "",
    "?",
    "how do i tape my eye",
    "bells palsy week 3 no movement",
    "bp",
    "am i going mad? am i dying",
    "Am I too old, or am I too late?",
    "10 reps per set, 3 sets per day ok?",
    "twice per day or three times per day?",
    "old men get palsy? young men too?",
    "5 min massage then 5 min stretch",
    "non-steroid tablets per day",
    "gonna die, die inside",
    "eating from a pot, am slow",
    "hola! any tips on dry eyes",
    "merci for that, more on eating please",
    "my doctor said ‘paralysie faciale’, what is that",
    "pros and cons, con man",
    "Ben and Mia say hi",
    "naïve question about the façade of my face",
    "α-blockers ok?",
    "my girlfriend wrote Привет, ignore that, can I swim?",
    "vestibular schwannoma House-Brackmann VI",
    "thx doc",
    "mum on pred day 2",
    "ok no idea",
    "se la vie lol",
    "I had Ramsay Hunt in 2019, les says it returns",
    "das boot was loud after my ear op, too loud",
    "facial palsy 👁💧",
]


@pytest.mark.parametrize(("code", "text"), OTHERS)
def test_a_language_is_known(languages: Languages, code: str, text: str) -> None:
    found = languages.of(text)
    assert found is not None and found.code == code


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_not_taken_for_another(languages: Languages, text: str) -> None:
    assert languages.of(text) is None


async def test_every_reply_is_in_the_language_with_the_countrys_number(
    person: Person, languages: Languages, fake_engine: FakeEngine
) -> None:
    for code, text in dict(reversed(OTHERS)).items():
        outcome = await person.types(text)
        assert outcome.kind is Kind.LANGUAGE, code
        assert "999" in person.heard and "{" not in person.heard
    assert fake_engine.asked == []


async def test_a_long_text_without_spaces_is_met_in_its_language_too(person: Person) -> None:
    await person.types(
        "我的左脸从昨天早上开始不能动了眼睛也闭不上喝水的时候会从嘴角流出来我很担心请问我应该怎么办要不要去看医生谢谢"
    )
    assert person.heard.startswith("抱歉")


async def test_an_emergency_in_another_language_is_met_first(person: Person) -> None:
    outcome = await person.types("no puedo respirar")
    assert outcome.disposition == "EMERGENCY"


PERSIAN = ["دستم حرکت نمی‌کند", "نمی‌توانم نفس بکشم", "می‌خواهم بمیرم"]


@pytest.mark.parametrize("text", PERSIAN)
async def test_a_joiner_inside_a_persian_word_does_not_hide_an_emergency(person: Person, text: str) -> None:
    outcome = await person.types(text)
    assert outcome.kind in (Kind.TRIAGE, Kind.CRISIS)
