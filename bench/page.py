"""docs/performance.md, made from bench/results.json alone, and the figures that README and docs quote from it.

A figure that a document quotes stands as `<!-- bench:message.alone.way_adds_ms -->12<!-- /bench -->`: the path names
its place in the results. It may be rounded; the digits that are shown must be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.settings import ROOT

type Json = dict[str, Any]

RESULTS = Path(__file__).parent / "results.json"
HISTORY = Path(__file__).parent / "history.jsonl"
PAGE = ROOT / "docs" / "performance.md"

_QUOTED = re.compile(r"<!-- bench:([\w.-]+) -->(.*?)<!-- /bench -->", re.DOTALL)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.(\d+))?")
_KEY = {
    "way_p50_ms": "message.alone.update_to_reply_ms.p50",
    "way_p95_ms": "message.alone.update_to_reply_ms.p95",
    "way_adds_ms": "message.alone.way_adds_ms",
    "engine_p50_to_plain_rasa": "message.alone.engine_p50_to_plain_rasa",
    "a_second_with_32": "message.at_once.32.a_second",
    "steady_longest_ms": "message.steady.answer_ms.max",
    "plain_to_ours_at_1000": "conversation.plain_to_ours_at_1000",
    "conversation_growth": "conversation.septimus.growth",
    "search_growth": "articles.search_growth",
    "statements_growth_sqlite": "people.sqlite.growth",
    "screen_a_second": "triage.screen.a_second",
    "desk_list_p95_ms": "desk.200000.list.p95",
    "first_answer_s": "start.first_answer_s",
    "engine_ready_s": "start.engine_ready_s",
    "cpu_percent_at_rest": "rest.cpu_percent_together",
    "rss_mb_at_rest": "rest.rss_mb_together",
}
"""What the history keeps of each run: enough to see that something has become slower."""


class NoFigure(KeyError):
    """The results hold no such figure; the message names its path."""


def figure(results: Json, path: str) -> Any:
    """Return one figure by its path.

    Raises:
        NoFigure: there is none.
    """
    found: Any = results
    for step in path.split("."):
        if not isinstance(found, dict) or step not in found:
            raise NoFigure(f"bench/results.json has no {path}")
        found = found[step]
    return found


def key_figures(results: Json) -> Json:
    """Return the few figures that the history keeps; one that was not measured is left out."""
    return {name: value for name, path in _KEY.items() if (value := _get(results, path)) is not None}


def wrong_figures(text: str, results: Json) -> list[str]:
    """Say of each quoted figure of a document that differs from the results what it should be."""
    problems = []
    for path, shown in _QUOTED.findall(text):
        try:
            value = figure(results, path)
        except NoFigure as error:
            problems.append(str(error.args[0]))
            continue
        if not _agrees(shown, value):
            problems.append(f"{path} is quoted as {shown.strip()!r}, and bench/results.json says {value!r}")
    return problems


def quoted_figures(text: str) -> Iterator[str]:
    """Yield the path of each quoted figure of a document."""
    for path, _ in _QUOTED.findall(text):
        yield str(path)


def _agrees(shown: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return shown.strip() == str(value)
    number = _NUMBER.search(shown)
    if number is None:
        return False
    digits = len(number[1] or "")
    return round(float(value), digits) == float(number[0].replace(",", ""))


def _get(results: Json, path: str) -> Any:
    try:
        return figure(results, path)
    except NoFigure:
        return None


# --- the page -------------------------------------------------------------------------------------------------------


def page(results: Json) -> str:
    """Return docs/performance.md as these results make it."""
    parts = (
        _head(results),
        _promises(results),
        _message(results),
        _conversation(results),
        _articles(results),
        _people(results),
        _understanding(results),
        _triage(results),
        _reminders(results),
        _desk(results),
        _start_and_rest(results),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(results: Json) -> list[str]:
    on = results.get("machine", {})
    versions = ", ".join(
        f"{name} {on[name]}"
        for name in ("python", "sqlite", "sqlalchemy", "python-telegram-bot", "rasa-sdk", "rasa", "tensorflow", "spacy")
        if on.get(name)
    )
    return [
        "# How fast it is",
        "",
        "Written by `make bench` from `bench/results.json`; don't edit by hand. `bench/history.jsonl` "
        "has the key figures",
        "of each run. Ratios and counts carry over to other machines, single times don't.",
        "",
        f"Made {results.get('made_at', 'never')} on {on.get('cores', '?')} cores ({on.get('processor', 'unknown')}, "
        f"{on.get('memory_gb', '?')} GB), {versions}.",
        "",
        "**Plain Rasa** is the same trained model, run as Rasa comes: `rasa run` with its REST channel "
        "and its tracker in",
        "memory, and the same answer through the same rasa-sdk actions. Rasa's default pipeline on all "
        "of our examples is",
        "not measured here: DIET trains for 25 minutes on a quarter of them, so the same model is like "
        "for like. How well",
        "both understand stands below, from `make understanding`.",
        "",
    ]


def _promises(results: Json) -> list[str]:
    """What was promised, and whether this run kept it."""

    def get(path: str) -> Any:
        return _get(results, path)

    adds, p95 = get("message.alone.way_adds_ms"), get("message.alone.engine_p95_to_plain_rasa")
    busy, steady = get("message.at_once.32"), get("message.steady")
    training, better = get("understanding.training_times_faster"), get("understanding.topic_f1_more")
    ready, plain = get("start.engine_ready_s"), get("start.plain_rasa_ready_s")
    cpu, memory = get("rest.cpu_percent_together"), get("rest.rss_mb_together")
    thousandth = get("conversation.plain_to_ours_at_1000")
    statements = [get(f"people.{name}.more_statements") for name in ("sqlite", "postgresql")]
    rows: list[tuple[str, str, bool | None]] = [
        (
            "The engine's p95 no slower than plain Rasa's at its first message",
            f"{p95}-fold",
            None if p95 is None else p95 <= 1,
        ),
        (
            "At message 1,000 of one conversation at least 10 times faster than plain Rasa",
            f"{thousandth} times",
            None if thousandth is None else thousandth >= 10,
        ),
        ("The whole way adds at most 25 ms to the engine's p50", f"{adds} ms", None if adds is None else adds <= 25),
        (
            "At least 25 messages a second with 32 people",
            f"{busy['a_second'] if busy else None} a second",
            None if busy is None else busy["a_second"] >= 25,
        ),
        (
            "No answer above 1 s at 25 messages a second of 32 people, none out of order",
            f"longest {steady['answer_ms']['max']:,.0f} ms, {steady['out_of_order']} out of order" if steady else "",
            None
            if steady is None
            else steady["answer_ms"]["max"] <= 1000 and not steady["out_of_order"] and not steady.get("lost"),
        ),
        (
            "As many statements a message with a million people as with a thousand",
            f"{' and '.join(str(more) for more in statements if more is not None)} more",
            None if statements[0] is None else not any(statements),
        ),
        (
            "Training at least 2 times faster than Rasa's default pipeline, with a better F1",
            f"{training} times, {better:+} F1" if better is not None else "",
            None if training is None or better is None else training >= 2 and better > 0,
        ),
        (
            "The engine ready no later than plain Rasa",
            f"{ready} s beside {plain} s",
            None if ready is None or plain is None else ready <= plain,
        ),
        (
            "First useful answer at most 3 s after the start, before the engine is up",
            f"{get('start.first_answer_s')} s",
            None if get("start.first_answer_s") is None else get("start.first_answer_s") <= 3,
        ),
        (
            "All processes at rest below 1 % of a core and 1.5 GB",
            f"{cpu} %, {memory} MB",
            None if cpu is None else cpu < 1 and memory < 1500,
        ),
    ]
    lines = ["## What was promised", "", "| promised | measured | kept |", "|---|---|---|"]
    for promised, measured, kept in rows:
        verdict = {True: "yes", False: "**no**", None: "not measured"}[kept]
        lines.append(f"| {promised} | {measured if kept is not None else ''} | {verdict} |")
    return [*lines, ""]


def _message(results: Json) -> list[str]:
    found = results.get("message")
    if not found:
        return []
    alone = found["alone"]
    lines = [
        "## The way of a message",
        "",
        "From the update at the local Bot API server until the reply stands there: inbox, screen, engine, actions,",
        "outbox. The three are measured in turn, one message at a time. Plain Rasa is at the first message of a",
        "conversation each time, where it is fastest, and has no Telegram, no inbox and no screen.",
        "",
        "| one at a time | p50 | p95 | p99 | longest | |",
        "|---|---|---|---|---|---|",
        _times("the whole way", alone["update_to_reply_ms"]),
        _times("our engine, by REST", alone["own_engine_rest_ms"]),
        _times("plain Rasa, by REST", alone["plain_rasa_rest_ms"]),
        "",
        f"The way adds {alone['way_adds_ms']} ms to the engine's own. Our engine takes "
        f"{alone['engine_p50_to_plain_rasa']} of plain Rasa's time at the median.",
        "",
        "| people, each asking on when answered | a second | p50 | p95 | longest | not the answer |",
        "|---|---|---|---|---|---|",
    ]
    for each in found["at_once"].values():
        took = each["answer_ms"]
        lines.append(
            f"| {each['people']} | {each['a_second']} | {_ms(took['p50'])} | {_ms(took['p95'])} | {_ms(took['max'])} "
            f"| {each['not_the_answer']} of {each['messages']} |"
        )
    most = list(found["at_once"].values())[-1]
    cpu, steps = most["cpu_ms_a_message"], most["step_ms"]
    steady, burst = found["steady"], found["burst"]
    lines += [
        "",
        f"With {most['people']} people a message takes these milliseconds of a core: "
        f"{', '.join(f'{name} {ms}' for name, ms in cpu.items())}; together "
        f"{round(sum(cpu.values()), 1)}. Of its time it",
        f"spends, in milliseconds: {', '.join(f'{name} {ms}' for name, ms in steps.items())} (the "
        "engine's is part of the",
        "dialogue's).",
        "",
        f"At a steady {steady['asked_a_second']} a second from {steady['people']} people in turn: "
        f"{steady['answered_a_second']} answered a second, p50 {_ms(steady['answer_ms']['p50'])}, "
        f"p95 {_ms(steady['answer_ms']['p95'])},",
        f"longest {_ms(steady['answer_ms']['max'])}, {steady.get('lost', 0)} unanswered after 30 s, "
        f"{steady['out_of_order']} people out of order.",
        f"{burst['messages']} messages of {burst['people']} people at one instant: {burst['a_second']} a second, "
        f"{burst.get('lost', 0)} unanswered after 30 s, {burst['out_of_order']} people out of order.",
        "",
    ]
    return lines


def _conversation(results: Json) -> list[str]:
    found = results.get("conversation")
    if not found:
        return []
    sizes = [size for size in found["septimus"] if size != "growth"]
    lines = [
        "## As a conversation grows",
        "",
        "The engine's own time by REST. Ten messages are really said; the events that they leave are "
        "then given to Rasa",
        "by its own API until the conversation is as long as it should be. Plain Rasa is timed for a minute at each",
        "length at most, so less often where it is slow.",
        "",
        f"| at message | {' | '.join(f'{int(size):,}' for size in sizes)} | growth |",
        f"|---|{'---|' * len(sizes)}---|",
    ]
    for name, called in (("septimus", "ours, p50"), ("plain_rasa", "plain Rasa, p50")):
        row = found[name]
        lines.append(f"| {called} | {' | '.join(_ms(row[size]['p50_ms']) for size in sizes)} | {row['growth']}-fold |")
    counts = ", ".join(f"{found['plain_rasa'][size]['count']}" for size in sizes)
    return [*lines, "", f"Plain Rasa was timed {counts} times.", ""]


def _articles(results: Json) -> list[str]:
    found = results.get("articles")
    if not found:
        return []
    lines = [
        "## As the knowledge base grows",
        "",
        "Generated articles beside the real ones, with topics and example questions of their own, out "
        "of the same words:",
        "the hardest for a search. A search is part of a message only while the engine is away, and where a topic has",
        "several articles. A look for changed files happens in development only, once a second at most.",
        "",
        "| articles | load | index | search, p50 | p95 | look for changes |",
        "|---|---|---|---|---|---|",
    ]
    for count, each in _sizes(found):
        lines.append(
            f"| {count:,} | {each['load_s']} s | {each['index_s']} s | {_ms(each['search_ms']['p50'])} "
            f"| {_ms(each['search_ms']['p95'])} | {_ms(each['look_for_changes_ms'])} |"
        )
    return [*lines, "", f"The search at the most takes {found['search_growth']} times what it takes at the fewest.", ""]


def _people(results: Json) -> list[str]:
    found = results.get("people")
    if not found:
        return []
    at = found["at"]
    lines = [
        "## As the people grow",
        "",
        "The store's part of a message, from the update's row to the sent reply, on a database with so many people. At",
        f"the most, the person and another have had {at['earlier_messages']:,} messages before.",
        "",
        "| | people | statements a message | their time, p50 | p95 | the way without the engine, p50 |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("sqlite", "postgresql"):
        called = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[name]
        for count, each in _sizes(found.get(name, {})):
            lines.append(
                f"| {called} | {count:,} | {each['statements']} | {_ms(each['statements_ms']['p50'])} "
                f"| {_ms(each['statements_ms']['p95'])} | {_ms(each['whole_way_without_engine_ms']['p50'])} |"
            )
    growth = ", ".join(
        f"{found[name]['growth']}-fold on {called}"
        for name, called in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL"))
        if name in found
    )
    return [
        *lines,
        "",
        f"From {at['first']:,} to {at['last']:,} people the statements' time grows {growth}.",
        "`tests/unit/test_queries_per_message.py` holds their number, and that each has an index.",
        "",
    ]


def _understanding(results: Json) -> list[str]:
    found = results.get("understanding")
    if not found:
        return []
    rows = (
        ("served, on all examples", found["served"]),
        ("served, on the same quarter", found["served_on_the_same_quarter"]),
        ("Rasa's default (DIET), on the same quarter", found["rasas_default_on_the_same_quarter"]),
    )
    lines = [
        "## Understanding",
        "",
        f"From `make understanding`, kept {str(found['made_at'])[:10]} ({found['machine']}); not measured anew in this "
        "run.",
        "`docs/understanding.md` says how.",
        "",
        "| pipeline | topic macro-F1 | top-3 | training | a message | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for called, row in rows:
        lines.append(
            f"| {called} | {row['topic_f1']} | {row['topic_top3']} | {row['train_s']} s | {_ms(row['ms_a_message'])} "
            f"| {row['peak_mb']:,} MB |"
        )
    return [*lines, ""]


def _triage(results: Json) -> list[str]:
    found = results.get("triage")
    if not found:
        return []
    rows = (
        (f"evaluations of all {found['rules']} rules", found["evaluations"]),
        ("choosing the next question of an intake", found["next_question"]),
        ("messages screened for red flags", found["screen"]),
        ("messages of 1,000 letters screened", found["screen_1000_letters"]),
    )
    lines = ["## Triage, on one core", "", "| what | a second | p50 | p99 |", "|---|---|---|---|"]
    for called, row in rows:
        lines.append(f"| {called} | {row['a_second']:,} | {_ms(row['ms']['p50'])} | {_ms(row['ms']['p99'])} |")
    return [*lines, ""]


def _reminders(results: Json) -> list[str]:
    found = results.get("reminders")
    if not found:
        return []
    lines = [
        "## Reminders",
        "",
        "| | schedules | claimed a second | claimed, worded and written a second | a look when nothing is due |",
        "|---|---|---|---|---|",
    ]
    for name, called in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        each = found["rates"].get(name)
        if each:
            lines.append(
                f"| {called} | {each['schedules']:,} | {each['claims_a_second']:,} | {each['handled_a_second']:,} "
                f"| {_ms(each['idle_look_ms']['p50'])} |"
            )
    lines += [
        "",
        "Many due at one instant, beside python-telegram-bot's JobQueue, whose jobs only note that they "
        "ran. The JobQueue",
        "needs APScheduler, so the bench makes it an environment of its own. *Stall* is by how much a 5 "
        "ms timer in the",
        "same loop came late at most: so long everybody else waits. The JobQueue keeps nothing: a start "
        "adds all jobs anew.",
        "Ours are rows, and go out at the rate that Telegram allows. `docs/reminders.md` has the rest.",
        "",
        "| due at once | | made ready in | stall while adding | stall when due | never ran | CPU while "
        "waiting | memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for count, each in _sizes(found["stall"]):
        ours, queue = each["septimus"], each.get("job_queue")
        lines.append(
            f"| {count:,} | ours | {ours['added_s']} s | none | {ours['stall_when_due_ms']:,} ms | none lost "
            f"| a look a second | +{ours['rss_grew_mb']} MB |"
        )
        rows = (("JobQueue, as it comes", queue), ("JobQueue, however late", each.get("job_queue_however_late")))
        for called, row in rows:
            if row:
                lines.append(
                    f"| | {called} | {row['added_s']} s | {row['stall_while_adding_ms']:,} ms "
                    f"| {row['stall_when_due_ms']:,} ms | {row['never_ran']:,} | {row['idle_cpu_share']:.2%} "
                    f"| +{row['rss_grew_mb']} MB |"
                )
        if not queue:
            lines.append(f"| | JobQueue | not measured ({each.get('no_job_queue_because', 'unknown')}) | | | | | |")
    lines += [
        "",
        "As it comes, the JobQueue skips a job that can't begin within a second of its time, until tomorrow. *However",
        "late* is with `misfire_grace_time=None`, which its documentation names.",
    ]
    return [*lines, ""]


def _desk(results: Json) -> list[str]:
    found = results.get("desk")
    if not found:
        return []
    lines = [
        "## The desk",
        "",
        "The real process on SQLite, asked as a browser asks, with so many referrals of one clinic "
        "(copies of the invented",
        "ones, in all states).",
        "",
        "| referrals | page | p50 | p95 | longest |",
        "|---|---|---|---|---|",
    ]
    names = {
        "list": "a folder",
        "next_page": "its next page",
        "search": "a search that finds",
        "search_nothing": "a search that finds nothing",
        "detail": "one referral",
    }
    for count, each in _sizes(found):
        for page_, called in names.items():
            took = each[page_]
            lines.append(f"| {count:,} | {called} | {_ms(took['p50'])} | {_ms(took['p95'])} | {_ms(took['max'])} |")
    return [*lines, ""]


def _start_and_rest(results: Json) -> list[str]:
    start, rest, size = (results.get(name) for name in ("start", "rest", "size"))
    lines = ["## Start and rest", ""]
    if start:
        lines += [
            f"The middle one of {start['starts']} starts. A question and an emergency are said as soon as "
            "the local Bot "
            "API listens.",
            "",
            "| from the start until | s |",
            "|---|---|",
            f"| the emergency is answered (the screen) | {start['first_emergency_s']} |",
            f"| the question is answered (plain search) | {start['first_answer_s']} |",
            f"| all is ready, the engine too | {start['engine_ready_s']} |",
            f"| plain Rasa alone is ready, with the same model | {start['plain_rasa_ready_s']} |",
            "",
        ]
    if rest:
        if "up_s" in rest:  # what was measured before it was looked at has none
            lines += [
                f"A real `septimus run` is up {rest['up_s']} s after the command: it checks the content and the model, "
                "and prepares the database, before it starts anything.",
                "",
            ]
        lines += [
            f"At rest, over {rest['seconds']} s of a real `septimus run`, after a few messages. The sandbox stands in "
            "for Telegram and does not count in the sum.",
            "",
            "| process | of a core | memory |",
            "|---|---|---|",
            *(f"| {name} | {rest['cpu_percent'].get(name, 0)} % | {mb} MB |" for name, mb in rest["rss_mb"].items()),
            f"| together | {rest['cpu_percent_together']} % | {rest['rss_mb_together']:,} MB |",
            "",
        ]
    if size:
        lines += [
            f"On the disk: our environment {size['environment_mb']:,} MB, the engine's "
            f"{size['engine_environment_mb']:,} MB, encoders {size['encoders_mb']:,} MB, the model "
            f"{size['model_mb']:,} MB.",
            "",
        ]
    return lines[:-1] if start or rest or size else []


def _times(called: str, took: Json) -> str:
    return (
        f"| {called} | {_ms(took['p50'])} | {_ms(took['p95'])} | {_ms(took['p99'])} | {_ms(took['max'])} "
        f"| of {took['count']} |"
    )


def _ms(value: float) -> str:
    return f"{value:,} ms"


def _sizes(found: Mapping[str, Any]) -> Sequence[tuple[int, Json]]:
    return [(int(size), each) for size, each in found.items() if size.isdecimal()]
