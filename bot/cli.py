"""`septimus`: the command line. Each command imports what it needs, so that help is instant."""

import asyncio
import gc
import json
import re
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from bot.settings import CONTENT, MODELS, ROOT, Settings, WrongSetting, read_settings

if TYPE_CHECKING:
    from bot.referral.proposal import Proposals
    from bot.stack.door import Door

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=("Septimus: a companion for people with facial palsy and for the clinics that treat them."),
)
content_app = typer.Typer(no_args_is_help=True, help="Check the content that clinicians edit.")
app.add_typer(content_app, name="content")
desk_app = typer.Typer(no_args_is_help=True, help="Let people in to the clinic's desk.")
app.add_typer(desk_app, name="desk")
keys_app = typer.Typer(no_args_is_help=True, help="Change the keys that personal fields are sealed with.")
app.add_typer(keys_app, name="keys")

reminders_app = typer.Typer(no_args_is_help=True, help="See what the reminders are going to do.")
app.add_typer(reminders_app, name="reminders")

Attach = Annotated[bool, typer.Option("--attach", help="Use the running system instead of starting an own one.")]
Lines = Annotated[Path | None, typer.Argument(help="A file of JSON lines; standard input when left away.")]


def main() -> None:
    """Run the command line; what can't be used ends with one line on standard error and exit code 2."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, _known()):
            raise
        _fail(str(error))


def _known() -> tuple[type[Exception], ...]:
    """What a person can mend by its message alone. Imported when something went wrong: the rooms take long to load."""
    from bot.content_file import ContentError
    from bot.gateway.main import Misconfigured
    from bot.stack.backup import NoBackup
    from bot.stack.door import NotRunning
    from bot.stack.measure import BadLine
    from bot.stack.model import EngineMissing
    from bot.stack.processes import NotHealthy, PortTaken
    from bot.store.database import NewerTables
    from bot.store.keys import KeysUnusable

    return (
        WrongSetting, Misconfigured, ContentError, NoBackup, NotRunning, BadLine, EngineMissing, NotHealthy, PortTaken,
        KeysUnusable, NewerTables,
    )  # fmt: skip


@app.command()
def run() -> None:
    """Start everything: engine, actions, bot and desk, and the sandbox when no Telegram token is set."""
    from bot import logs
    from bot.referral.kept import kept
    from bot.reports import reports_of
    from bot.stack.model import current_model, train
    from bot.stack.processes import Stack

    settings = read_settings()
    logs.configure(settings.log_level, "run", reports_of(settings, "run"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what a crash would leave of memory holds people's words
    sandbox = settings.telegram_bot_token is None
    with ThreadPoolExecutor(1) as beside:  # on the second core, while the first reads the model to its end
        checking = beside.submit(_apart, settings, _check_content, _prepare)
        try:
            model = current_model()
        finally:
            checking.result()
    if model is None:
        _note("Training the engine (three to six minutes; only when its data changed) ...")
    if not kept(CONTENT, MODELS).exists():
        _note("Learning to read letters (one or two minutes; only when their labels or phrases changed) ...")
    stack = Stack(settings, train(), with_sandbox=sandbox)

    async def told_first_link() -> str | None:
        (link,) = await asyncio.to_thread(_apart, settings, _first_link)
        return link

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        starting = asyncio.create_task(stack.start())

        def end() -> None:
            stop.set()
            starting.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        _note("Starting engine, actions, bot and desk ...")
        try:
            await starting
        except asyncio.CancelledError:
            _note("Stopped before everything was up.")
            return
        typer.echo(_addresses(settings, sandbox=sandbox, first_link=await told_first_link()))
        await stop.wait()
        _note("Stopping ...")
        await stack.stop()

    asyncio.run(serve())


@app.command()
def train(
    force: Annotated[bool, typer.Option("--force", help="Train even when nothing has changed.")] = False,
) -> None:
    """Train the engine's model if anything it depends on has changed."""
    from bot.stack.model import current_model
    from bot.stack.model import train as train_model

    fresh = current_model() is not None and not force
    model = train_model(force=force)
    typer.echo(f"{'Fresh already' if fresh else 'Trained'}: {model.relative_to(ROOT)}")


@app.command()
def replay(file: Lines = None, attach: Attach = False) -> None:
    """Answer each {"id", "text"} line as a new person's first message; one JSON line out for each."""
    from bot.stack.door import open_door
    from bot.stack.measure import read_lines
    from bot.stack.measure import replay as answers

    items = list(read_lines(_opened(file), needs=("id", "text")))

    async def answer() -> None:
        async with open_door(read_settings(), attach=attach, progress=_note) as door:
            async for answered in answers(door, items):
                _print_json(answered)

    _run_quietly(answer())


@app.command()
def converse(file: Lines = None, attach: Attach = False) -> None:
    """Lead whole conversations from JSON lines, each by a person of its own, with a clock that the file moves."""
    from bot.stack.door import MovableClock, open_door
    from bot.stack.measure import converse as conversations
    from bot.stack.measure import read_lines

    items = list(read_lines(_opened(file), needs=("id", "turns")))

    async def answer() -> None:
        clock = MovableClock(datetime.now(UTC))
        async with open_door(read_settings(), attach=attach, clock=clock, progress=_note) as door:
            for item in items:
                clock.now = datetime.fromisoformat(item["now"]) if "now" in item else datetime.now(UTC)
                async for answered in conversations(door, clock, [item]):
                    _print_json(answered)

    _run_quietly(answer())


@app.command()
def chat(attach: Attach = False) -> None:
    """Talk with the bot in the terminal. Type a button's number to tap it; Ctrl-D ends."""
    from bot.stack.door import open_door

    async def talk() -> None:
        async with open_door(read_settings(), attach=attach, progress=_note) as door:
            await _talk(door)

    _run_quietly(talk())


@app.command()
def screen(file: Lines = None) -> None:
    """Show what the red-flag screen alone says of each {"id", "text"} line."""
    from bot.stack.measure import read_lines
    from bot.triage.screen import Screen

    screen: Screen = Screen.load(CONTENT)
    for item in read_lines(_opened(file), needs=("id", "text")):
        found = screen(str(item["text"]))
        said = {"level": found.level.value, "kind": found.kind, "family": found.family}
        _print_json({"id": item["id"], **said, "disposition": found.disposition, "rules": found.rules})


@app.command()
def triage(file: Lines = None) -> None:
    """Show what the rules alone say of each {"id", "findings"} line; an absent finding is unknown."""
    from bot.stack.measure import read_lines
    from bot.triage.assess import WrongFinding, read_findings
    from bot.triage.interview import load_interview
    from bot.triage.rules import load_rules

    interview = load_interview(CONTENT / "triage", load_rules(CONTENT / "triage"))
    failed = False
    for item in read_lines(_opened(file), needs=("id",)):
        try:
            findings = read_findings(item.get("findings"), interview.rules.findings)
        except WrongFinding as error:
            failed = True
            _print_json({"id": item["id"], "error": str(error)})
            continue
        _print_json({"id": item["id"], **interview.report(findings)})
    raise typer.Exit(1 if failed else 0)


@app.command()
def referral(file: Lines = None) -> None:
    """Show what the desk would propose for each {"id", "text", "received"} line, before a person confirms it."""
    from bot.referral.proposal import Proposals
    from bot.second_reader import SecondReader

    def away(fault: str) -> None:  # not to standard output, where the answers are read
        _note(f"The second reading can't be made ({fault}): letters were read once. Try `septimus train`.")

    with SecondReader(on_away=away) as hear:
        proposals = Proposals.load(CONTENT, hear, MODELS)
        if proposals.letters.learned is None:
            _note(
                "What letters are read by is not learnt, or out of date: their phrases alone were read. "
                "Try `septimus train`."
            )
        raise typer.Exit(1 if _referrals(proposals, file) else 0)


def _referrals(proposals: "Proposals", file: Path | None) -> bool:
    """Print the proposal for each line; return whether a line could not be used."""
    from bot.referral.proposal import WrongLetter

    failed = False
    for number, line in enumerate(_opened(file), 1):
        if not line.strip():
            continue
        item: object = None
        try:
            item = json.loads(line)
            if not isinstance(item, dict):
                raise WrongLetter("it is not an object")
            _print_json(proposals.measured(item))
        except ValueError as error:  # a line that is no JSON, and a WrongLetter
            failed = True
            named = {"id": item["id"]} if isinstance(item, dict) and "id" in item else {}
            wrong = error if isinstance(error, WrongLetter) else f"it is not JSON ({error})"
            _print_json({**named, "error": f"line {number} can't be used: {wrong}."})
    raise typer.Exit(1 if failed else 0)


@content_app.command()
def check() -> None:
    """Check all content: articles, sources, links, reading grade, limits, examples, triage, exercises, referrals."""
    from bot.stack.contents import check_all

    library, problems = check_all(CONTENT, ROOT / "nlu_data")
    for problem in problems:
        typer.echo(str(problem))
    reviewed = sum(article.reviewed_by is not None for article in library.articles.values())
    count = len(library.articles)
    typer.echo(f"{count} articles on {len(library.by_topic)} topics, {reviewed} reviewed, {len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@reminders_app.command()
def due(
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"], help="Until when; now.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 100,
) -> None:
    """List the reminders that are due until a moment, by pseudonym, the earliest first; and how all of them stand."""
    from bot.clock import clock_starting_at
    from bot.reminders.schedule import RuleCorrupted, Schedule
    from bot.store import Store, reminders

    async def listed() -> None:
        settings = read_settings()
        now = clock_starting_at(settings.now)()
        store = Store(settings.database)
        await store.migrate()
        async with store.reading() as session:
            rows = await reminders.due_by(session, at or now, limit)
            counts = await reminders.counts(session, now)
        await store.close()
        for moment, patient, rule in rows:
            try:
                read = Schedule.loads(rule)
                what = f"{read.kind}  {read.zone}"
            except RuleCorrupted as error:
                what = str(error)
            typer.echo(f"{moment:%Y-%m-%d %H:%M:%S}Z  {patient}  {what}")
        typer.echo(
            f"active {counts.active}, due now {counts.due_now}, parked {counts.parked}; ever due {counts.ever.due}, "
            f"sent {counts.ever.sent}, too late {counts.ever.late}, left out {counts.ever.skipped}, "
            f"failed {counts.ever.failed}"
        )

    asyncio.run(listed())


@content_app.command()
def gaps(
    days: Annotated[int, typer.Option(help="How many days back.", min=1)] = 30,
    limit: Annotated[int, typer.Option(help="How many messages at most.", min=1)] = 100,
) -> None:
    """List what was not surely understood, scrubbed of names, numbers and links, and which articles did not help."""
    from datetime import timedelta

    from bot.clock import clock_starting_at
    from bot.store import Store, records

    async def listed() -> None:
        settings = read_settings()
        since = clock_starting_at(settings.now)() - timedelta(days=days)
        store = Store(settings.database)
        await store.migrate()
        async with store.reading() as session:
            missed = await records.misses(session, since, limit)
            helpful = await records.helpfulness(session, since)
        await store.close()
        for miss in missed:
            typer.echo(f"{miss.at:%Y-%m-%d}  {miss.kind:8}  {miss.text}  ({', '.join(miss.nearest) or 'nothing near'})")
        for article, helped, failed in helpful:
            typer.echo(f"{article}: helped {helped}, did not help {failed}")
        typer.echo(f"{len(missed)} messages in {days} days. Label what you can and add it to nlu_data/ by hand.")

    _run_quietly(listed())


@desk_app.command("link")
def desk_link(
    email: Annotated[str | None, typer.Option("--for", help="Whose password is to be set anew.")] = None,
    new_clinic: Annotated[bool, typer.Option("--new-clinic", help="Set up a further clinic.")] = False,
) -> None:
    """Print a link that sets a password: the first admin's, somebody's who has lost theirs, or a new clinic's."""
    from bot.desk.app import NoLink, link, open_desk

    async def made() -> None:
        desk = open_desk(read_settings())
        try:
            await desk.store.migrate()
            typer.echo(await link(desk, email=email, new_clinic=new_clinic))
        except NoLink as refused:
            _fail(str(refused))
        finally:
            await desk.store.close()

    _run_quietly(made())


@desk_app.command("bots")
def desk_bots(
    clinic: Annotated[int | None, typer.Argument(help="The clinic's number.")] = None,
    bot: Annotated[str | None, typer.Argument(help="The bot its patients write to, as in SEPTIMUS_BOT.")] = None,
) -> None:
    """List the clinics with the bot of each, or give one another bot."""
    from bot.store import Store, bots

    async def told() -> None:
        store = Store(read_settings().database)
        try:
            await store.migrate()
            if clinic is not None:
                async with store.writing() as session:
                    await bots.give(session, clinic, bot or "")
            async with store.reading() as session:
                for number, name, own in await bots.clinics(session):
                    typer.echo(f"{number}\t{own}\t{name}")
        except (bots.NoSuchClinic, bots.WrongName) as refused:
            _fail(str(refused))
        finally:
            await store.close()

    _run_quietly(told())


@keys_app.command("new")
def keys_new() -> None:
    """Add a key in front: what is written from now on is sealed with it. Everything may run."""
    from bot.store import Store, seals

    async def made() -> None:
        store = Store(read_settings().database)
        try:
            await store.migrate()
            typer.echo(f"The key {await seals.new_key(store)} was added to {store.keys.path}, and is used from now on.")
            typer.echo("Copy the file now to wherever you keep it, and to every other machine that uses this database.")
            typer.echo("Then seal what is there with it: septimus keys rotate")
        finally:
            await store.close()

    _run_quietly(made())


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Seal every row anew with the newest key. Everything may run; after a stop, run it again."""
    from bot.store import Store, seals

    async def done() -> None:
        store = Store(read_settings().database)
        sealed: dict[str, int] = {}
        try:
            await store.migrate()
            async for table, number in seals.rotate(store):
                sealed[table] = sealed.get(table, 0) + number
        finally:
            await store.close()
            for table, number in sealed.items():
                typer.echo(f"{table}: {number}")
            typer.echo(f"{sum(sealed.values())} rows were sealed anew with the key {store.keys.fingerprints()[0]}.")
        typer.echo("When every machine has the new file: septimus keys drop-old")

    _run_quietly(done())


@keys_app.command("drop-old")
def keys_drop_old() -> None:
    """Take the older keys out of the file, when nothing in the database is sealed with them any more."""
    from bot.store import Store, seals

    async def done() -> None:
        store = Store(read_settings().database)
        try:
            await store.migrate()
            gone = await seals.drop_old(store)
        finally:
            await store.close()
        if not gone:
            typer.echo("There is one key only, so there is nothing to drop.")
            return
        typer.echo(f"Dropped from {store.keys.path}: {', '.join(gone)}.")
        typer.echo("A backup that was made before needs the older file: keep that copy as long as the backup.")

    _run_quietly(done())


@app.command()
def doctor() -> None:
    """Say what is wrong and what to do, a line each; exit code 1 when something is."""
    from bot import logs
    from bot.stack.doctor import examine, worst

    logs.configure("ERROR", "doctor")
    findings = asyncio.run(examine(read_settings()))
    for finding in findings:
        typer.echo(str(finding))
    raise typer.Exit(worst(findings))


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write all databases into one file, while the system runs. Guard it; the key file is not in it."""
    from bot.clock import system_clock
    from bot.stack.backup import backup as make
    from bot.store import keys as key_file

    settings = read_settings()
    made = make(settings, file, system_clock())
    size = sum(part.size for part in made.parts) / 1e6
    typer.echo(f"{file}: {len(made.parts)} databases, {size:.1f} MB, version {made.revision}.")
    if made.keys:
        typer.echo(f"The key file is not in it, and nobody can read it without the key {' and '.join(made.keys)}.")
        typer.echo(f"Keep a copy of {key_file.place_of(settings.database, settings)} apart from the backups.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `septimus backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite the data that is there.")] = False,
) -> None:
    """Put a backup in the place of what is there. Stop the system first."""
    from bot.stack.backup import keys_away
    from bot.stack.backup import restore as put_back
    from bot.store import keys as key_file

    settings = read_settings()
    made = put_back(settings, file, overwrite=yes)
    typer.echo(f"Restored what was kept on {made.made_at:%Y-%m-%d %H:%M} UTC. The next start brings it up to date.")
    if made.keys:
        typer.echo(f"It is sealed with the key {' and '.join(made.keys)}.")
    if away := keys_away(settings, made):
        place = key_file.place_of(settings.database, settings)
        typer.echo(f"The key {' and '.join(away)} is not in {place}: put that key file there before you start.")


@app.command("demo")
def demo_clinic(
    remove: Annotated[bool, typer.Option("--remove", help="Take all of the demo away again.")] = False,
) -> None:
    """Fill an empty database with an invented clinic: 40 referrals, and three months of a few patients."""
    from bot.clock import clock_starting_at
    from bot.desk.app import first_link, open_desk
    from bot.stack.demo import Demo, NoRoom, fill
    from bot.store import demo

    settings = read_settings()

    async def made() -> None:
        desk = open_desk(settings)
        try:
            await desk.store.migrate()
            if remove:
                async with desk.store.writing() as session:
                    gone = await demo.remove(session)
                typer.echo("The demo clinic is gone." if gone else "There is no demo clinic in this database.")
                return
            await fill(desk.store, Demo.load(CONTENT), clock_starting_at(settings.now)())
            async with desk.store.reading() as session:
                letters, people = await demo.counts(session)
            typer.echo(f"{demo.NAME}: {letters} referrals, {people} patients with a chat.")
            typer.echo(f"Sign in by this link, once: {await first_link(desk)}")
        except NoRoom as refused:
            _fail(str(refused))
        finally:
            await desk.store.close()

    _run_quietly(made())


async def _talk(door: "Door") -> None:
    from bot.dialogue import Said, said
    from bot.outcome import Button
    from bot.payload import parse

    person = await door.someone(new=True)
    buttons: list[Button] = []
    turn = await door.say(person, Said(command="start"))
    while True:
        for reply in turn.outcome.replies:
            typer.echo("\n" + re.sub(r"\*\*(.+?)\*\*|^### (.+)$", _bold, reply.text, flags=re.MULTILINE))
            if reply.buttons:
                buttons = list(reply.buttons)
                typer.echo("  " + "\n  ".join(f"[{n}] {button.title}" for n, button in enumerate(buttons, 1)))
        if turn.outcome.notice:
            typer.echo(f"\n({turn.outcome.notice})")
        try:
            typed = await asyncio.to_thread(input, "\nyou> ")
        except (EOFError, KeyboardInterrupt):
            typer.echo("")
            return
        tapped = buttons[int(typed) - 1] if typed.isdecimal() and 1 <= int(typed) <= len(buttons) else None
        turn = await door.say(turn.patient, Said(press=parse(tapped.payload)) if tapped else said(typed))


def _bold(found: re.Match[str]) -> str:
    return typer.style(found.group(1) or found.group(2), bold=True)


def _check_content(settings: Settings) -> None:
    """Load all content once before anything starts, so that a broken file stops the start and is named."""
    from bot.dialogue.language import Languages
    from bot.knowledge.library import load_library
    from bot.triage.countries import Countries
    from bot.triage.screen import Screen
    from bot.words import Words

    load_library(CONTENT, must_be_reviewed=settings.mode == "production")
    Words.load(CONTENT / "words.yml")
    Screen.load(CONTENT)
    Countries.load(CONTENT / "countries.yml")
    Languages.load(CONTENT)


def _prepare(settings: Settings) -> None:
    """Bring the tables up to date before anything starts, so that keys that don't fit stop the start in one line."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.clock import clock_starting_at
    from bot.stack.demo import fill_if_empty
    from bot.store import Store

    async def prepared() -> bool:
        store = Store(settings.database)
        try:
            with suppress(SQLAlchemyError, OSError):  # a database that is away is waited for by those who need it
                await store.migrate()
            if settings.telegram_bot_token is not None:
                return False
            return await fill_if_empty(store, CONTENT, clock_starting_at(settings.now)())
        finally:
            await store.close()

    if asyncio.run(prepared()):
        _note("The database was empty: the invented demo clinic was put into it.")


def _first_link(settings: Settings) -> str | None:
    from bot.desk.app import first_link, open_desk

    async def asked() -> str | None:
        desk = open_desk(settings)
        try:
            return await first_link(desk)
        finally:
            await desk.store.close()

    return asyncio.run(asked())


def _apart[T](settings: Settings, *works: Callable[[Settings], T]) -> list[T]:
    """Do something in a process of its own, whose memory is given back: this one only watches others for days.

    Several things are done one after the other, up to the first that fails.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        done: list[T]
        done, fault = pool.submit(_told, works, settings).result()
    if fault is not None:
        _fail(fault)
    return done


def _told(works: Sequence[Callable[[Settings], Any]], settings: Settings) -> tuple[list[Any], str | None]:
    from bot import logs

    gc.disable()  # it loads much, and ends soon
    logs.configure(settings.log_level, "run")
    try:
        return [work(settings) for work in works], None
    except Exception as error:
        if not isinstance(error, _known()):
            raise
        return [], str(error)


def _addresses(settings: Settings, *, sandbox: bool, first_link: str | None) -> str:
    lines = ["", "Septimus is up."]
    if sandbox:
        lines.append(f"  Chat page  http://127.0.0.1:{settings.sandbox_port}/   (sandbox: nothing leaves this machine)")
    else:
        lines.append("  Telegram   the bot answers in its own chat")
    lines += [
        f"  Desk       http://127.0.0.1:{settings.desk_port}/",
        *([f"             set the first password: {first_link}"] if first_link else []),
        f"  Data       {settings.home}/   (logs in {settings.home}/logs/)",
        "  Stop with Ctrl-C.",
        "",
        "  Nothing here has been approved by a clinician. In an emergency call your emergency number.",
        "",
    ]
    return "\n".join(lines)


def _run_quietly(work: "asyncio._CoroutineLike[None]") -> None:
    from bot import logs

    logs.configure("ERROR", "septimus")
    asyncio.run(work)


def _opened(file: Path | None) -> TextIO:
    return file.open(encoding="utf-8") if file else sys.stdin


def _print_json(item: dict[str, object]) -> None:
    typer.echo(json.dumps(item, ensure_ascii=False))


def _note(text: str) -> None:
    typer.echo(text, err=True)


def _fail(text: str) -> None:
    typer.echo(text, err=True)
    sys.exit(2)
