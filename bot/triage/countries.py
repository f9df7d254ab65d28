"""Emergency numbers, urgent lines and crisis lines by country, from `content/countries.yml`."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.content_file import Strict, read
from bot.triage.rules import Provenance


class CrisisLine(Strict):
    """One way to reach a person in a crisis: whom, and how to call or text."""

    name: str
    call: str | None = None
    text: str | None = None


class Country(Strict):
    """What to dial in one country."""

    name: str
    also: tuple[str, ...] = ()
    emergency_number: Annotated[str, Field(pattern=r"^\d{2,4}$")]
    urgent_line: str | None = None
    crisis_lines: tuple[CrisisLine, ...] = ()
    national_line: bool = False
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]
    sources: tuple[str, ...] = ()

    def crisis_text(self) -> str:
        """The crisis lines, one a line, call and text options with their numbers."""
        lines = []
        for line in self.crisis_lines:
            ways = [f"call {line.call}" if line.call else "", f"text {line.text}" if line.text else ""]
            lines.append(f"{line.name}: {' or '.join(way for way in ways if way)}")
        if self.national_line:
            lines.append(f"In danger: call {self.emergency_number}. To talk: your national crisis line.")
        return "\n".join(lines)


class _CountriesFile(Strict):
    default: Country
    countries: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], Country],
        Field(min_length=1),
    ]


@dataclass(frozen=True, slots=True)
class Countries:
    """All countries by ISO 3166 code, and what people type for them."""

    default: Country
    by_code: Mapping[str, Country]
    codes_by_name: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> "Countries":
        """The countries of the file.

        Raises:
            ContentError: the file is malformed, or two countries answer to one name.
        """
        file, lines = read(path, _CountriesFile)
        names: dict[str, str] = {}
        for code, country in file.countries.items():
            for name in (code, country.name, *country.also):
                if names.setdefault(_key(name), code) != code:
                    problem = f"'{name}' stands for both {names[_key(name)]} and {code}. Keep it in one of them."
                    raise lines.error(problem, "countries", code)
        return cls(file.default, file.countries, names)

    def get(self, code: str | None) -> Country:
        """The country of an ISO code; the default (112) when the code is unknown or missing."""
        return self.by_code.get((code or "").upper(), self.default)

    def find(self, typed: str) -> str | None:
        """The ISO code for what a person typed, such as "uk", "the states" or "deutschland"; None if unsure."""
        key = _key(typed)
        return self.codes_by_name.get(key) or self.codes_by_name.get(key.removeprefix("the "))


def _key(name: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w\s]", "", plain).casefold().split())
