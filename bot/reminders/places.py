"""Which clock people live by, from the place they name; from `content/places.yml`."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, model_validator

from bot.content_file import Lines, Strict, read


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last when the name is that of a folder, such as "Europe"
        raise ValueError(f"'{zone}' is no IANA zone") from None
    return zone


type _Zone = Annotated[str, AfterValidator(_known)]
type _Name = Annotated[str, Field(min_length=2)]
type _Names = Annotated[tuple[_Name, ...], Field(min_length=1)]
type _Choice = Annotated[tuple[_Name, ...], Field(min_length=2)]


class _Country(Strict):
    """A country with one clock (`zone`), or with several (`zones`): that of `most`, and what to `ask` about."""

    name: _Name
    also: tuple[_Name, ...] = ()
    zone: _Zone | None = None
    zones: tuple[_Zone, ...] = ()
    most: _Zone | None = None
    ask: tuple[_Name, ...] = ()

    @model_validator(mode="after")
    def _has_one_clock_or_several(self) -> Self:
        several = (len(self.zones) > 1, self.most in self.zones, len(self.ask) > 1)
        if any(several) or self.most or self.zones or self.ask:
            if self.zone or not all(several):
                raise ValueError("give `zone` alone; or two `zones` or more, `most` among them, and two to `ask` about")
        elif self.zone is None:
            raise ValueError("give its `zone`")
        return self


class _PlacesFile(Strict):
    countries: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], _Country], Field(min_length=1)]
    cities: Annotated[dict[_Zone, _Names], Field(min_length=1)]
    unclear: dict[_Name, _Choice]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A place with several clocks, or several of one name: `cities` to ask about, each with a clock of its own."""

    place: str
    cities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DefaultZone:
    """The zone to begin with in a country; a guess, which the person must confirm, where the country has several."""

    zone: str
    is_guess: bool


@dataclass(frozen=True, slots=True)
class Places:
    """All names of places, each with its zone or with what to ask."""

    by_name: Mapping[str, str | Ambiguous]
    zones_by_country: Mapping[str, frozenset[str]]
    defaults: Mapping[str, DefaultZone]

    @classmethod
    def load(cls, path: Path) -> "Places":
        """The places of the file, and every city that a zone is named after.

        Raises:
            ContentError: the file is malformed, names a zone that doesn't exist, gives one name to two places without
                listing it as unclear, or would ask about a place that isn't in it or has no clock of its own.
        """
        file, lines = read(path, _PlacesFile)
        by_name: dict[str, str | Ambiguous] = {}
        for name, zone, place in _with_one_clock(file):
            if by_name.setdefault(_key(name), zone) != zone:
                problem = f"'{name}' stands for both {by_name[_key(name)]} and {zone}. Keep one, or list it as unclear."
                raise lines.error(problem, *place)
        # The content knows better which place is meant: Córdoba is not only Argentina's.
        by_name |= {name: zone for name, zone in _zone_cities() if name not in by_name}
        questions = list(_with_several(file))
        by_name |= {_key(name): question for names, question, _ in questions for name in names}
        for _, question, place in questions:
            _check_choice(question.cities, by_name, lines, place)
        zones = {
            _key(name): frozenset(country.zones or {country.zone or ""})
            for country in file.countries.values()
            for name in (country.name, *country.also)
        }
        defaults = {
            code: DefaultZone(begin, is_guess=country.zone is None)
            for code, country in file.countries.items()
            if (begin := country.zone or country.most)
        }
        return cls(by_name, zones, defaults)

    def zone_of_place(self, text: str) -> str | Ambiguous | None:
        """The zone of a city, region, country or zone that a person names; what to ask when it has several.

        One slip of the finger in a longer name is overlooked, where only one clock can be meant. None when nobody knows
        the place.
        """
        return self._exactly(text) or self._nearly(_key(text))

    def is_place(self, text: str) -> bool:
        """Whether a text is the name of a place, spelt as it should be."""
        return self._exactly(text) is not None

    def default_zone(self, country: str | None) -> DefaultZone | None:
        """The zone of a country by its ISO 3166 code: that of most people where it has several. None if unknown."""
        return self.defaults.get((country or "").upper())

    def _exactly(self, text: str) -> str | Ambiguous | None:
        key = _key(text)
        found = self.by_name.get(key)
        if found or not key:
            return found
        words = key.split()
        comma = "," in text
        for at in range(1, len(words)):
            inner, outer = " ".join(words[:at]), " ".join(words[at:])
            around = self.by_name.get(outer)
            if around is None or not (comma or inner in self.by_name or inner in _SIDES):
                continue
            return self._within(inner, outer) or around
        return None

    def _within(self, inner: str, outer: str) -> str | None:
        """The zone of a place in a country with several: "newcastle, australia"."""
        zones = self.zones_by_country.get(outer)
        found = self.by_name.get(inner)
        if zones is None or found is None:
            return None
        cities = found.cities if isinstance(found, Ambiguous) else (inner,)
        fitting = {zone for city in cities if isinstance(zone := self.by_name.get(_key(city)), str) and zone in zones}
        return fitting.pop() if len(fitting) == 1 else None

    def _nearly(self, key: str) -> str | Ambiguous | None:
        near = {found for name, found in self.by_name.items() if _is_slip_of(key, name)}
        return near.pop() if len(near) == 1 else None


_SHORTEST_SWAPPED, _SHORTEST_GUESSED = 5, 7
"""Letters of a name in which two that changed places are overlooked, and any other slip: Zaria is not Zarqa."""
_SIDES = frozenset(
    "north south east west northern southern eastern western central mid upstate downtown rural near outside".split()
)
_REGIONS = frozenset("Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific".split())
# Parts of countries by the points of the compass and such, and words that mean something else on their own.
_NO_CITIES = frozenset(
    "act center christmas east easter general knox knox in lhi midway north oral petersburg south victoria west".split()
)
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "-": " ", "_": " "})


def _with_one_clock(file: _PlacesFile) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every name with its zone and its place in the file, but those that are unclear or have several clocks."""
    unclear = {_key(name) for name in file.unclear}
    for code, country in file.countries.items():
        for name in (country.name, *country.also):
            if country.zone and _key(name) not in unclear:
                yield name, country.zone, ("countries", code)
    for zone, names in file.cities.items():
        for name in names:
            if _key(name) in unclear:
                continue
            yield name, zone, ("cities", zone)


def _with_several(file: _PlacesFile) -> Iterator[tuple[Sequence[str], Ambiguous, tuple[str, ...]]]:
    """What to ask about each name with several clocks, its other names, and its place in the file."""
    for code, country in file.countries.items():
        if country.zone is None:
            yield (country.name, *country.also), Ambiguous(country.name, country.ask), ("countries", code, "ask")
    for name, cities in file.unclear.items():
        yield (name,), Ambiguous(name, cities), ("unclear", name)


def _zone_cities() -> Iterator[tuple[str, str]]:
    """The cities that zones are named after, and the zones' whole names."""
    # A zone's present name comes last, as in America/Argentina/Buenos_Aires beside America/Buenos_Aires.
    for zone in sorted(available_timezones(), key=lambda zone: (zone.count("/"), zone)):
        region, _, city = zone.partition("/")
        if region in _REGIONS:
            yield _key(zone), zone
            name = _key(city.rpartition("/")[2])
            if name not in _NO_CITIES:
                yield name, zone


def _check_choice(
    cities: Sequence[str], by_name: Mapping[str, str | Ambiguous], lines: Lines, place: tuple[str, ...]
) -> None:
    zones: dict[str, str] = {}
    for city in cities:
        zone = by_name.get(_key(city))
        if not isinstance(zone, str):
            raise lines.error(f"'{city}' is asked about, but has no zone. Add it to the cities.", *place)
        if zone in zones:
            problem = f"'{city}' and '{zones[zone]}' are both in {zone}. Ask about one of them."
            raise lines.error(problem, *place)
        zones[zone] = city


def _key(name: str) -> str:
    small = name.casefold().translate(_LETTERS).replace("&", " and ")
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", small) if not unicodedata.combining(letter))
    words = re.sub(r"[^\w\s/]", "", plain.replace(",", " ").replace("/", " ")).split()
    words = ["saint" if word == "st" else word for word in words]
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def _is_slip_of(typed: str, name: str) -> bool:
    """Whether one letter is missing, too many or wrong, or changed places with the next; never the first."""
    shorter = min(len(typed), len(name))
    if shorter < _SHORTEST_SWAPPED or abs(len(typed) - len(name)) > 1 or typed[0] != name[0]:
        return False
    at = next((at for at in range(shorter) if typed[at] != name[at]), shorter)
    one, other = typed[at:], name[at:]
    if one[:2] == other[1::-1] and one[2:] == other[2:]:
        return True
    return shorter >= _SHORTEST_GUESSED and (one[1:] == other or one == other[1:] or one[1:] == other[1:])
