"""What people sign in with: passwords under argon2id, one-time codes, and the tokens of links and cookies."""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.concurrency import run_in_threadpool

SHORTEST, LONGEST = 12, 256
"""Characters of a password. The upper bound keeps a long text from costing us work."""

_STEP_SECONDS = 30


class WeakPassword(ValueError):
    """A password that can't be taken. `why` is `short`, `long`, `guessable` or `differs`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Passwords:
    """Hashes and checks passwords, two at a time: each costs 64 MiB of memory while it is worked on.

    Args:
        hasher: argon2 with its parameters; by default its library's own (RFC 9106, low memory).
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._turns = asyncio.Semaphore(2)

    async def hash(self, password: str) -> str:
        """Return the hash under which a password is kept."""
        async with self._turns:
            return await run_in_threadpool(self._hasher.hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether the password is the one of this hash; without a hash it takes as long, and it never is."""
        async with self._turns:
            found = await run_in_threadpool(self._verify, kept or self._nobody, password[: LONGEST + 1])
        return found and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made under another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, again: str, about: Mapping[str, str]) -> None:
    """Refuse a password that is too short or long, made of the person's own name, or not typed the same twice.

    Args:
        password: the password.
        again: as it was typed the second time.
        about: what is known of the person (email, name): it may not be the greater part of the password.

    Raises:
        WeakPassword: it can't be taken.
    """
    if len(password) < SHORTEST:
        raise WeakPassword("short")
    if len(password) > LONGEST:
        raise WeakPassword("long")
    rest = password.lower()
    for known in about.values():
        for part in known.lower().replace("@", " ").replace(".", " ").split():
            if len(part) > 2:
                rest = rest.replace(part, "")
    if len(set(password)) < 5 or len(rest) < SHORTEST // 2:
        raise WeakPassword("guessable")
    if not hmac.compare_digest(password.encode(), again.encode()):
        raise WeakPassword("differs")


def new_token() -> str:
    """A token that can't be guessed, for a link or a cookie."""
    return secrets.token_urlsafe(32)


def new_secret() -> str:
    """A secret for an authenticator app."""
    return pyotp.random_base32()


def code_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a one-time code belongs to, one step early or late allowed; None when it is wrong."""
    code = "".join(code.split())
    if len(code) != 6 or not code.isascii() or not code.isdecimal():
        return None
    generator, step = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_SECONDS
    found = [near for near in (step, step - 1, step + 1) if hmac.compare_digest(generator.generate_otp(near), code)]
    return found[0] if found else None


def picture_of(secret: str, email: str) -> str:
    """The secret as a QR code for an authenticator app: SVG that may stand in a page under a strict policy."""
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Septimus desk")
    return segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr")
