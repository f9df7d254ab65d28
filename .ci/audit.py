"""Ask the index for known holes in the locked packages: ours must have none with a fix; the engine's are listed.

    python .ci/audit.py

Ends with 1 when a package of ours has a hole with a fix. When the index can't be asked it says so loudly and ends
with 0: whoever builds without a network is not held up, and nobody takes silence for a clean bill.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "docs" / "security" / "engine.md"


@dataclass(frozen=True, slots=True)
class Hole:
    """A known hole: the package with its version, the advisory's numbers, and the versions that mend it."""

    package: str
    version: str
    numbers: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        mended = f"mended in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix yet"
        return f"{self.package} {self.version}: {', '.join(self.numbers)} ({mended})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the index said of a lock: how many packages it knew, how many it said nothing about, and the holes."""

    asked: int
    silent: int
    holes: tuple[Hole, ...]

    @property
    def is_one(self) -> bool:
        """Whether it is an answer at all: an index that can't be reached leaves every package out."""
        return self.asked > 0 and self.silent < self.asked / 2


def read_answer(told: str) -> Answer:
    """What pip-audit's JSON says. No JSON is no answer."""
    try:
        packages: Sequence[Mapping[str, Any]] = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Answer(0, 0, ())
    holes = [
        Hole(
            str(package["name"]),
            str(package.get("version", "?")),
            (str(each["id"]), *map(str, each.get("aliases", ()))),
            tuple(map(str, each.get("fix_versions", ()))),
        )
        for package in packages
        for each in package.get("vulns", ())
    ]
    return Answer(len(packages), sum("skip_reason" in package for package in packages), tuple(holes))


def verdict(ours: Answer, engine: Answer, listed: frozenset[str]) -> tuple[int, list[str]]:
    """The exit code, and the lines to print."""
    code, lines = 0, []
    for name, answer in (("Septimus", ours), ("The engine", engine)):
        if not answer.is_one:
            lines.append(f"!!! NOT AUDITED: {name.upper()}'S PACKAGES. The index of known holes could not be asked.")
            lines.append("!!! This is no clean bill. Run `make audit` where https://pypi.org/pypi/ can be reached.")
    for hole in ours.holes:
        if hole.fixed_in:
            code = 1
            lines.append(
                f"A hole with a fix, in what we ship: {hole}. Raise it: uv lock --upgrade-package {hole.package}"
            )
        else:
            lines.append(f"A hole without a fix, in what we ship: {hole}")
    new = [hole for hole in engine.holes if not listed & set(hole.numbers)]
    lines += [f"In the engine, and not yet in docs/security/engine.md: {hole}" for hole in new]
    if ours.is_one:
        lines.append(f"Septimus: {ours.asked - ours.silent} packages audited, {len(ours.holes)} holes.")
    if engine.is_one:
        lines.append(f"The engine: {len(engine.holes)} holes known, {len(engine.holes) - len(new)} of them listed.")
    return code, lines


def listed() -> frozenset[str]:
    """The numbers of the advisories that docs/security/engine.md speaks of."""
    return frozenset(re.findall(r"\b(?:CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|PYSEC-\d{4}-\d+)\b", LISTED.read_text("utf-8")))


def ask(project: Path) -> Answer:
    """Ask the index about the packages that a project's lock names. Nothing is installed or resolved."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    export = [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--project", str(project)]
    exported = subprocess.run(export, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    command = [sys.executable, "-m", "pip_audit", "--requirement", "/dev/stdin", "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        told = subprocess.run(  # noqa: S603 - our own words
            command, input=exported.stdout, capture_output=True, text=True, check=False, timeout=600
        )
    except subprocess.TimeoutExpired:
        return Answer(0, 0, ())
    return read_answer(told.stdout)


def main() -> int:
    """Ask about both locks and say what came."""
    code, lines = verdict(ask(ROOT), ask(ROOT / "engine"), listed())
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
