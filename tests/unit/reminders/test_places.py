"""Places: each zone exists, names lead to the right clock, and a broken file is told with its line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.content_file import ContentError
from bot.reminders.places import Ambiguous, DefaultZone, Places
from bot.reminders.wording import Move, read_request
from bot.settings import CONTENT
from bot.triage.countries import Countries

FILE = CONTENT / "places.yml"
PLACES = Places.load(FILE)
REGIONS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
NO_PLACES = {
    "Australia/ACT", "Australia/LHI", "Australia/North", "Australia/South", "Australia/West", "America/Knox_IN",
    "America/Indiana/Knox", "America/Indiana/Petersburg", "America/North_Dakota/Center", "Asia/Oral", "Indian/Christmas",
    "Pacific/Easter", "Pacific/Midway",
}  # fmt: skip
"""Parts of countries, and names that are words; these are found by other names."""
OTHER_PLACES = {
    "Pacific/Samoa": "the country of that name is not American Samoa",
    "Pacific/Norfolk": "the county is not Norfolk Island",
}


@cache
def clock(zone: str) -> tuple[timedelta | None, ...]:
    """What a zone's clock shows from here on."""
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    return tuple((begin + timedelta(days=day)).astimezone(ZoneInfo(zone)).utcoffset() for day in range(0, 420, 7))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("London", "Europe/London"),
        ("uk", "Europe/London"),
        ("the UK", "Europe/London"),
        ("Scotland", "Europe/London"),
        ("New York", "America/New_York"),
        ("nyc", "America/New_York"),
        ("Washington D.C.", "America/New_York"),
        ("california", "America/Los_Angeles"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("america/argentina/ushuaia", "America/Argentina/Ushuaia"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("germany", "Europe/Berlin"),
        ("Deutschland", "Europe/Berlin"),
        ("München", "Europe/Berlin"),
        ("munich", "Europe/Berlin"),
        ("Tromso", "Europe/Oslo"),
        ("Lodz", "Europe/Warsaw"),
        ("saint-etienne", "Europe/Paris"),
        ("st. john's", "America/St_Johns"),
        ("bosnia & herzegovina", "Europe/Sarajevo"),
        ("Ivory Coast", "Africa/Abidjan"),
        ("new zealand", "Pacific/Auckland"),
        ("chatham islands", "Pacific/Chatham"),
        ("tenerife", "Atlantic/Canary"),
        ("calcutta", "Asia/Kolkata"),
        ("kiev", "Europe/Kyiv"),
        ("istanbul", "Europe/Istanbul"),
        ("samoa", "Pacific/Apia"),
        ("american samoa", "Pacific/Pago_Pago"),
        ("hong kong", "Asia/Hong_Kong"),
        ("utc", "Etc/UTC"),
        # a place within a place
        ("Paris, France", "Europe/Paris"),
        ("newcastle, australia", "Australia/Sydney"),
        ("newcastle uk", "Europe/London"),
        ("Birmingham, Alabama", "America/Chicago"),
        ("perth scotland", "Europe/London"),
        ("georgia, usa", "America/New_York"),
        ("hamilton, new zealand", "Pacific/Auckland"),
        ("little snoring, england", "Europe/London"),
        ("northern italy", "Europe/Rome"),
        ("springfield, illinois", "America/Chicago"),
        # one slip
        ("lodnon", "Europe/London"),
        ("new yrok", "America/New_York"),
        ("johanesburg", "Africa/Johannesburg"),
        ("manchestr", "Europe/London"),
        # nobody knows it
        ("blorville", None),
        ("agony", None),
        ("york hospital", None),
        ("the", None),
        ("", None),
        ("?!", None),
        ("12", None),
    ],
)
def test_the_zone_of_what_people_type(text: str, zone: str | None) -> None:
    assert PLACES.zone_of_place(text) == zone


@pytest.mark.parametrize(
    ("text", "cities"),
    [
        ("spain", ("Madrid", "Las Palmas")),
        ("southern spain", ("Madrid", "Las Palmas")),
        ("the states", ("New York", "Chicago", "Denver", "Phoenix", "Los Angeles", "Anchorage", "Honolulu")),
        ("Australia", ("Sydney", "Brisbane", "Adelaide", "Darwin", "Perth")),
        ("georgia", ("Tbilisi", "Atlanta")),
        ("Newcastle", ("Newcastle upon Tyne", "Newcastle New South Wales")),
        ("texas", ("Houston", "El Paso")),
        ("paris, texas", ("Houston", "El Paso")),
        ("Córdoba", ("Córdoba Spain", "Córdoba Argentina")),
    ],
)
def test_several_clocks_are_asked_about(text: str, cities: tuple[str, ...]) -> None:
    found = PLACES.zone_of_place(text)
    assert isinstance(found, Ambiguous)
    assert found.cities == cities


def test_what_is_asked_about_differs() -> None:
    for question in {each for each in PLACES.by_name.values() if isinstance(each, Ambiguous)}:
        zones = [PLACES.zone_of_place(city) for city in question.cities]
        clocks = {clock(zone) for zone in zones if isinstance(zone, str)}
        assert len(clocks) == len(question.cities), question


@pytest.mark.parametrize("zone", sorted(zone for zone in available_timezones() if zone.startswith(REGIONS)))
def test_every_city_of_a_zone_is_found(zone: str) -> None:
    assert PLACES.zone_of_place(zone) == zone
    if zone in NO_PLACES or zone in OTHER_PLACES:
        return
    name = zone.rpartition("/")[2].replace("_", " ")
    found = PLACES.zone_of_place(name)
    if isinstance(found, Ambiguous):
        zones = [PLACES.zone_of_place(city) for city in found.cities]
        assert clock(zone) in {clock(each) for each in zones if isinstance(each, str)}
    else:
        assert found is not None
        assert clock(found) == clock(zone)


def test_every_zone_that_can_be_found_exists() -> None:
    zones = {each for each in PLACES.by_name.values() if isinstance(each, str)}
    zones |= {default.zone for default in PLACES.defaults.values()}
    assert zones <= available_timezones()


@pytest.mark.parametrize(
    ("country", "default"),
    [
        ("GB", DefaultZone("Europe/London", is_guess=False)),
        ("gb", DefaultZone("Europe/London", is_guess=False)),
        ("US", DefaultZone("America/New_York", is_guess=True)),
        ("ES", DefaultZone("Europe/Madrid", is_guess=True)),
        ("NZ", DefaultZone("Pacific/Auckland", is_guess=False)),
        ("XX", None),
        ("", None),
        (None, None),
    ],
)
def test_the_default_of_a_country(country: str | None, default: DefaultZone | None) -> None:
    assert PLACES.default_zone(country) == default


def test_every_country_that_is_offered_has_a_default_and_is_known_by_name(countries: Countries) -> None:
    for code, country in countries.by_code.items():
        default = PLACES.default_zone(code)
        assert default is not None, code
        found = PLACES.zone_of_place(country.name)
        assert isinstance(found, Ambiguous) if default.is_guess else found == default.zone


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("i'm in spain", Move("spain")),
        ("im in Paris, France", Move("paris, france")),
        ("I'm in bosnia and herzegovina", Move("bosnia and herzegovina")),
        ("i'm in agony", None),
        ("i'm in oral surgery", None),
        ("i'm in male ward", None),
        ("i'm in bed", None),
        ("i'm in two minds", None),
        ("i'm in it", None),
    ],
)
def test_with_these_names_a_move_is_told_from_a_state(text: str, read: Move | None) -> None:
    now = datetime(2026, 11, 18, 10, 15, tzinfo=ZoneInfo("Europe/London"))
    assert read_request(text, now, PLACES.is_place) == read


GOOD = """\
countries:
  GB:
    name: United Kingdom
    also: [uk]
    zone: Europe/London
  ES:
    name: Spain
    zones: [Europe/Madrid, Atlantic/Canary]
    most: Europe/Madrid
    ask: [Madrid, Las Palmas]
cities:
  Atlantic/Canary: [Las Palmas]
  Europe/London: [Leeds]
unclear:
  Springfield: [Chicago, New York]
"""


def load(folder: Path, text: str) -> Places:
    path = folder / "content" / "places.yml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return Places.load(path)


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    places = load(tmp_path, GOOD)
    assert places.zone_of_place("leeds") == "Europe/London"
    assert places.zone_of_place("springfield") == Ambiguous("Springfield", ("Chicago", "New York"))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("zone: Europe/London", "zone: Europe/Londn", 5, "'Europe/Londn' is no IANA zone"),
        ("zone: Europe/London", "zone: Europe", 5, "'Europe' is no IANA zone"),
        ("zone: Europe/London", "zone: ../../etc/passwd", 5, "is no IANA zone"),
        ("Atlantic/Canary]", "Atlantic/Canaries]", 8, "is no IANA zone"),
        ("  Europe/London: [Leeds]", "  Europe/Leeds: [Leeds]", 13, "is no IANA zone"),
        ("    most: Europe/Madrid\n", "", 6, "`most` among them"),
        ("most: Europe/Madrid", "most: Europe/Paris", 6, "`most` among them"),
        ("ask: [Madrid, Las Palmas]", "ask: [Madrid]", 6, "two to `ask` about"),
        ("    most: Europe", "    zone: Europe/Madrid\n    most: Europe", 6, "give `zone` alone"),
        ("    zone: Europe/London\n", "", 2, "give its `zone`"),
        ("also: [uk]", "alias: [uk]", 4, "Extra inputs"),
        ("  GB:", "  gb:", 2, "pattern"),
        (
            "Canary: [Las Palmas]",
            "Canary: [Las Palmas, Leeds]",
            13,
            "stands for both Atlantic/Canary and Europe/London",
        ),
        ("Canary: [Las Palmas]", "Canary: [uk, Las Palmas]", 12, "stands for both Europe/London and Atlantic/Canary"),
        ("[Chicago, New York]", "[Chicago, Blorville]", 15, "'Blorville' is asked about, but has no zone"),
        ("[Chicago, New York]", "[London, Leeds]", 15, "'Leeds' and 'London' are both in Europe/London"),
        ("[Chicago, New York]", "[Chicago, Spain]", 15, "'Spain' is asked about, but has no zone"),
        ("[Chicago, New York]", "[Chicago]", 15, "at least 2"),
        ("ask: [Madrid, Las Palmas]", "ask: [Madrid, Blorville]", 10, "'Blorville' is asked about"),
        ("unclear:", "unclear:\n  Leeds: [Chicago, Leeds]", 15, "'Leeds' is asked about"),
        ("unclear:", "cities:", 14, "second time"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, line: int, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(ContentError) as error:
        load(tmp_path, GOOD.replace(old, new))
    problem: Sequence[object] = error.value.problems
    assert any(said in str(each) for each in problem), problem
    assert any(f"content/places.yml:{line}:" in str(each) for each in problem), problem
