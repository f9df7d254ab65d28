"""What people ask of reminders, in their own wording, each with the exact request it must come to.

`FIRST` was written before the code and isn't changed; `MORE` came with it.
"""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.reminders.wording import (
    MOST_A_DAY,
    MOST_DAYS_OFF,
    DaysOff,
    Delete,
    Kind,
    List,
    Move,
    Pause,
    Problem,
    Quiet,
    Request,
    Resume,
    Wish,
    read_request,
)

NOW = datetime(2026, 11, 18, 10, 15, tzinfo=ZoneInfo("Europe/London"))
"""A Wednesday."""
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
WEEK = frozenset(range(7))
WEEKDAYS = WEEK - {SAT, SUN}
ALL_BUT_SUNDAY = WEEK - {SUN}

type Case = tuple[str, Request | Problem | None]


def at(text: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(each) for each in text.split())


def wish(kind: Kind, times: str = "", every: int | None = None, hours: str = "07:00 22:00", **more: Any) -> Wish:
    if every is not None:
        more["first"], more["last"] = at(hours)
    return Wish(kind, times=at(times), every_minutes=every, **more)


def ex(times: str = "", **more: Any) -> Wish:
    return wish("exercises", times, **more)


def some(times: str = "", **more: Any) -> Wish:
    """The kind was not said."""
    return wish("exercises", times, kind_guessed=True, **more)


def quiet(hours: str, kind: Kind | None = None) -> Quiet:
    first, last = at(hours)
    return Quiet((first, last), kind)


def off(days: str, kind: Kind | None = None) -> DaysOff:
    return DaysOff(tuple(date.fromisoformat(f"2026-{each}") for each in days.split()), kind)


def drops(times: str = "", **more: Any) -> Wish:
    return wish("eye_drops", times, **more)


def visit(times: str = "", **more: Any) -> Wish:
    return wish("appointment", times, **more)


def check(times: str = "", **more: Any) -> Wish:
    return wish("check_in", times, **more)


def day(month: int, number: int, year: int = 2026) -> date:
    return date(year, month, number)


FIRST: list[Case] = [
    # times
    ("remind me at 8 and after lunch, not on sundays", some("08:00 13:30", days=ALL_BUT_SUNDAY)),
    ("every 2 hours for my drops until friday", drops(every=120, ends=day(11, 20))),
    ("Remind me to do my exercises at 8am please", ex("08:00")),
    ("can you remind me to do my face exercises at 8.30 and 18.30?", ex("08:30 18:30")),
    ("remind me half past eight in the morning", some("08:30")),
    ("could you nudge me at quarter to nine every evening to do my exercises", ex("20:45")),
    ("exercises at 9, 1 and 6", ex("09:00 13:00 18:00")),
    ("ping me at noon", some("12:00")),
    ("remind me to exercise at midday and before bed", ex("12:00 21:30")),
    ("set a reminder for 7pm", some("19:00")),
    ("i want a reminder after breakfast and after dinner for my exercises", ex("08:30 19:30")),
    ("twice a day for exercises", ex("09:00 19:00")),
    ("remind me three times a day", some("09:00 14:00 19:00")),
    ("remind me every morning", some("09:00")),
    ("remind me every morning at 7", some("07:00")),
    ("exercise reminder after work on weekdays", ex("18:00", days=WEEKDAYS)),
    ("eye drops at 8 12 4 and 8", drops("08:00 12:00 16:00 20:00")),
    ("remind me at eight in the evening", some("20:00")),
    ("remind me at 8 in the morning and 8 at night", some("08:00 20:00")),
    ("remind me to tape my eye at 10pm", drops("22:00")),
    ("drops first thing in the morning and last thing at night please", drops("07:30 21:30")),
    ("hi, please could i have a daily reminder at ten to eight for my physio exercises", ex("07:50")),
    ("reminder at 0730", some("07:30")),
    ("remind me at 3", some("15:00")),
    # intervals
    ("remind me every two hours for eye drops", drops(every=120)),
    ("eye drops every 3 hours from 8 to 8", drops(every=180, hours="08:00 20:00")),
    ("remind me to put my drops in every hour between 9 and 5", drops(every=60, hours="09:00 17:00")),
    ("every 90 minutes for my eye gel", drops(every=90)),
    ("drops every four hours starting at 8am for two weeks", drops(every=240, hours="08:00 22:00", ends=day(12, 1))),
    ("remind me every couple of hours about the ointment", drops(every=120)),
    # days
    ("remind me at 9 mon wed fri", some("09:00", days=frozenset({MON, WED, FRI}))),
    ("exercises 10am every day except friday", ex("10:00", days=WEEK - {FRI})),
    ("remind me to do my exercises on weekdays at 7am and 6pm", ex("07:00 18:00", days=WEEKDAYS)),
    ("weekends at 10 for my exercises", ex("10:00", days=frozenset({SAT, SUN}))),
    ("monday to friday at 8 please remind me", some("08:00", days=WEEKDAYS)),
    ("remind me to do my check in every sunday evening", check("19:00", days=frozenset({SUN}))),
    ("remind me on tuesdays and thursdays at 5", some("17:00", days=frozenset({TUE, THU}))),
    # dates
    ("remind me at 8 from monday", some("08:00", starts=day(11, 23))),
    (
        "remind me every day at 9am starting tomorrow until 12 december",
        some("09:00", starts=day(11, 19), ends=day(12, 12)),
    ),
    ("remind me tomorrow at 9", some("09:00", on=day(11, 19))),
    ("remind me tonight at 8", some("20:00", on=day(11, 18))),
    ("remind me in an hour", some("11:15", on=day(11, 18))),
    ("remind me about my physio appointment on thursday at 2pm", visit("14:00", on=day(11, 19))),
    (
        "i have an appointment with the facial therapist on 3rd december at 10.45, remind me",
        visit("10:45", on=day(12, 3)),
    ),
    ("exercises at 8 for the next ten days", ex("08:00", ends=day(11, 27))),
    ("remind me at 6pm until christmas", some("18:00", ends=day(12, 25))),
    # typos
    ("remnd me at 9am tommorow", some("09:00", on=day(11, 19))),
    ("plz remind me to do my excercises evry day at 8", ex("08:00")),
    ("set a remindr for my eyedrops at 2pm wensday and saterday", drops("14:00", days=frozenset({WED, SAT}))),
    ("can u remind me b4 bed to do my exersises", ex("21:30")),
    # pauses
    ("stop for a week", Pause(day(11, 25))),
    ("pause my reminders until monday", Pause(day(11, 23))),
    ("no reminders today please", Pause(day(11, 19))),
    ("stop the reminders", Pause()),
    ("can you pause the drops reminder for 3 days", Pause(day(11, 21), "eye_drops")),
    ("I'm on holiday, stop reminding me until 5 december", Pause(day(12, 5))),
    ("turn off exercise reminders", Pause(kind="exercises")),
    ("give me a break from the reminders for two weeks", Pause(day(12, 2))),
    # deletions
    ("delete all my reminders", Delete()),
    ("cancel the eye drops reminder", Delete("eye_drops")),
    ("i don't want exercise reminders any more", Delete("exercises")),
    ("get rid of the check-in reminder", Delete("check_in")),
    ("remove the 7am one", Delete(only=(time(7), time(7)))),
    # lists
    ("what reminders do i have", List()),
    ("when is my next reminder?", List()),
    ("show me my reminders", List()),
    ("which reminders have I set", List()),
    ("what time are you going to remind me", List()),
    # moves
    ("i'm in new york now", Move("new york")),
    ("i moved to lisbon", Move("lisbon")),
    ("I've just landed in Sydney", Move("sydney")),
    ("im back in the uk", Move("uk")),
    ("change my time zone to Tokyo", Move("tokyo")),
    ("flying to tokyo tomorrow", None),
    ("i'm in pain", None),
    ("i'm in hospital now", None),
    ("i was in paris last week", None),
    # on again
    ("turn my reminders back on", Resume()),
    ("you can start the reminders again", Resume()),
    ("unpause", Resume()),
    # changes
    ("change my reminder to 9pm", some("21:00", manner="change")),
    ("move the morning reminder to 10", some("10:00", manner="change", only=(time(5), time(11, 59)))),
    ("add another one at lunchtime", some("12:30", manner="add")),
    ("not on sundays", some(days=ALL_BUT_SUNDAY, manner="change")),
    # trouble
    ("remind me at 25", Problem("no_such_time", "25")),
    ("remind me at 8:75", Problem("no_such_time", "8:75")),
    ("remind me every second", Problem("too_often", "every second")),
    ("drops every 5 minutes", Problem("too_often", "every 5 minutes")),
    ("remind me 200 times a day", Problem("too_often", "200 times a day")),
    ("set 200 reminders", Problem("too_often", "200 reminders")),
    ("remind me every other day at 8", Problem("not_offered", "every other day")),
    ("remind me at 8 until 3/12", Problem("which_date", "3/12")),
    ("remind me yesterday at 8", Problem("past", "yesterday")),
    ("remind me at 9am on 2 january 2020", Problem("past", "2 january 2020")),
    ("remind me to do my exercises", Problem("when")),
    ("set a reminder", Problem("when")),
    ("remind me about my appointment at 3pm", Problem("which_day")),
    ("remind me to take my tablets at 8", Problem("what", "take my tablets")),
    # not ours
    ("how often should i do exercises", None),
    ("how often should i put drops in, every 2 hours?", None),
    ("my face dropped at 8 this morning", None),
    ("i do my exercises every morning", None),
    ("i've been using drops every 2 hours", None),
    ("remind me what bell's palsy is", None),
    ("you didn't remind me yesterday", None),
    ("should i stop the exercises for a week", None),
    ("delete my data", None),
    ("cancel my appointment", None),
    ("stop", None),
    ("hello", None),
]
"""Written before the code."""


MORE: list[Case] = [
    # times
    ("08:30 for exercises please", ex("08:30")),
    ("remind me at 6", some("18:00")),
    ("remind me at 7", some("07:00")),
    ("remind me at 11", some("11:00")),
    ("remind me at 12", some("12:00")),
    ("remind me at midnight", some("00:00")),
    ("remind me at 8 p.m.", some("20:00")),
    ("remind me at 8 o'clock tonight", some("20:00", on=day(11, 18))),
    ("remind me at 20:15", some("20:15")),
    ("reminder 6.45am", some("06:45")),
    ("remind me at six thirty", some("18:30")),
    ("remind me at twenty past seven", some("07:20")),
    ("remind me at five to nine in the evening", some("20:55")),
    ("nudge me at half 7", some("07:30")),
    ("remind me around 9ish", some("09:00")),
    ("remind me at 8 and 8", some("08:00 20:00")),
    ("exercises at 7am, 1pm and 7pm", ex("07:00 13:00 19:00")),
    ("could i have reminders at 8 and 10pm", some("20:00 22:00")),
    ("remind me at 9 and 5pm", some("09:00 17:00")),
    ("10 and 4 for exercises", ex("10:00 16:00")),
    ("remind me mornings and evenings", some("09:00 19:00")),
    ("remind me mornings and evenings at 8", some("08:00 20:00")),
    ("in the morning at 7.30 and in the evening at 9, for my exercises", ex("07:30 21:00")),
    ("remind me every evening at 6 and 9", some("18:00 21:00")),
    ("remind me to stretch my face after breakfast, lunch and dinner", ex("08:30 13:30 19:30")),
    ("drops after every meal", drops("08:30 13:30 19:30")),
    ("remind me before meals to do my massage", ex("07:30 12:00 18:00")),
    ("remind me half an hour before bed to put my ointment in", drops("21:30")),
    ("remind me an hour after lunch", some("13:30")),
    ("when i wake up remind me to put my drops in", drops("07:30")),
    ("remind me mid-morning", some("10:30")),
    ("remind me in the afternoon to practise", ex("15:00")),
    ("remind me at night to tape my eye shut", drops("21:30")),
    ("tape my eye reminder at 10", drops("22:00")),
    ("once a day please, exercises", ex("09:00")),
    ("remind me four times a day to put drops in", drops("08:00 12:00 16:00 20:00")),
    ("3x a day exercises", ex("09:00 14:00 19:00")),
    ("six times a day for drops", drops("07:00 10:00 13:00 16:00 19:00 22:00")),
    ("remind me twice daily, 8am and 8pm", some("08:00 20:00")),
    ("i'd like two reminders a day", some("09:00 19:00")),
    ("remind me this afternoon at 4", some("16:00", on=day(11, 18))),
    ("remind me today at 9", some("21:00", on=day(11, 18))),
    ("at 8 and after lunch", some("08:00 13:30")),
    ("8am and 8pm", some("08:00 20:00")),
    # intervals
    ("every hour from 9 to 5", some(every=60, hours="09:00 17:00")),
    ("drops every 2-3 hours", drops(every=120)),
    ("remind me every other hour to do my drops", drops(every=120)),
    ("drops every half hour between 9am and 12", drops(every=30, hours="09:00 12:00")),
    ("remind me every hour and a half for my drops", drops(every=90)),
    ("every 2 hours from 7am until bedtime for my eye drops", drops(every=120, hours="07:00 21:30")),
    ("drops every three hours while i'm awake, starting at 8", drops(every=180, hours="08:00 22:00")),
    ("2 hourly drops please", drops(every=120)),
    ("every 4 hours on weekdays", some(every=240, days=WEEKDAYS)),
    ("every 2 hours from 8 to 8 for a week for my drops", drops(every=120, hours="08:00 20:00", ends=day(11, 24))),
    ("remind me every 2 hours until 6pm to put drops in", drops(every=120, hours="07:00 18:00")),
    # days
    ("remind me on weekends at 10", some("10:00", days=frozenset({SAT, SUN}))),
    ("remind me at 8 but not on saturdays or sundays", some("08:00", days=WEEKDAYS)),
    ("remind me at 8 except at weekends", some("08:00", days=WEEKDAYS)),
    ("exercises at 9 on monday, wednesday and friday", ex("09:00", days=frozenset({MON, WED, FRI}))),
    ("remind me every monday at 7pm", some("19:00", days=frozenset({MON}))),
    ("remind me on monday at 7pm", some("19:00", on=day(11, 23))),
    ("weekly check-in on sundays at 6", check("18:00", days=frozenset({SUN}))),
    ("do my check in with me every week on saturday at 10", check("10:00", days=frozenset({SAT}))),
    ("remind me tues & thurs 4pm exercises", ex("16:00", days=frozenset({TUE, THU}))),
    ("remind me daily at 9 apart from sundays", some("09:00", days=ALL_BUT_SUNDAY)),
    ("mon-fri 7.15 remind me to exercise", ex("07:15", days=WEEKDAYS)),
    ("remind me sat and sun mornings to do exercises", ex("09:00", days=frozenset({SAT, SUN}))),
    ("only on weekdays please", some(days=WEEKDAYS, manner="change")),
    ("no reminders on sundays", some(days=ALL_BUT_SUNDAY, manner="change")),
    ("don't remind me on fridays", some(days=WEEK - {FRI}, manner="change")),
    # dates
    ("remind me at 9 starting monday", some("09:00", starts=day(11, 23))),
    ("remind me at 9 from 1 december to 24 december", some("09:00", starts=day(12, 1), ends=day(12, 24))),
    ("remind me at 9 for a month", some("09:00", ends=day(12, 17))),
    ("remind me at 9 for 3 days from tomorrow", some("09:00", starts=day(11, 19), ends=day(11, 21))),
    ("exercise at 6pm every day until the end of the month", ex("18:00", ends=day(11, 30))),
    ("remind me at 8 until 25/12", some("08:00", ends=day(12, 25))),
    ("remind me at 8 until 2026-12-20", some("08:00", ends=day(12, 20))),
    ("remind me the day after tomorrow at 10am", some("10:00", on=day(11, 20))),
    ("remind me next friday at 2", some("14:00", on=day(11, 27))),
    ("remind me this friday at 2", some("14:00", on=day(11, 20))),
    ("reminder on the 30th at 9am", some("09:00", on=day(11, 30))),
    ("remind me in 20 minutes to do my exercises", ex("10:35", on=day(11, 18))),
    ("remind me in 3 days at 9", some("09:00", on=day(11, 21))),
    ("physio appointment tuesday 24 november at half past two", visit("14:30", on=day(11, 24))),
    ("remind me about my hospital appointment on dec 12th at 9:20", visit("09:20", on=day(12, 12))),
    (
        "i've got an appointment with my consultant next tuesday at 11, can you remind me",
        visit("11:00", on=day(11, 24)),
    ),
    ("remind me of physio appointments every thursday at 4", visit("16:00", days=frozenset({THU}))),
    ("remind me on 5 january at 10", some("10:00", on=day(1, 5, 2027))),
    # typos
    ("reming me at 8am evryday to do exersizes", ex("08:00")),
    ("remider for eye drps evry 2 hrs", drops(every=120)),
    ("pls rmind me 2moro mornin", some("09:00", on=day(11, 19))),
    ("can u set a remider for thurday at 3 apointment", visit("15:00", on=day(11, 19))),
    # pauses
    ("stop for two weeks", Pause(day(12, 2))),
    ("pause for a few days", Pause(day(11, 21))),
    ("hold off until tuesday", Pause(day(11, 24))),
    ("mute everything until tomorrow", Pause(day(11, 19))),
    ("pause the exercise reminders until 1 december", Pause(day(12, 1), "exercises")),
    ("no more reminders this week please", Pause(day(11, 23))),
    ("stop reminding me", Pause()),
    ("please stop messaging me until i get back", Pause()),
    ("can you stop the reminders for a month", Pause(day(12, 18))),
    ("don't remind me today", Pause(day(11, 19))),
    ("turn the drops reminders off for a week", Pause(day(11, 25), "eye_drops")),
    ("pause until next week", Pause(day(11, 23))),
    ("i'm going away, no reminders for ten days", Pause(day(11, 28))),
    ("mute the eye drop reminders", Pause(kind="eye_drops")),
    ("pause my reminders until yesterday", Problem("past", "yesterday")),
    ("pause reminders for 2 hours", Problem("not_offered", "for 2 hours")),
    ("no reminders tomorrow", off("11-19")),
    ("no messages after 9pm", quiet("21:00 05:00")),
    ("don't send me reminders at night", quiet("22:00 07:00")),
    ("stop my drops for a week", None),
    ("can i stop the drops now", None),
    # deletions
    ("delete my exercise reminders", Delete("exercises")),
    ("cancel all reminders", Delete()),
    ("remove the reminder at 8pm", Delete(only=(time(20), time(20)))),
    ("cancel the morning one", Delete(only=(time(5), time(11, 59)))),
    ("stop the evening reminder", Delete(only=(time(17), time(23, 59)))),
    ("get rid of the lunchtime exercise reminder", Delete("exercises", (time(11), time(14)))),
    ("stop reminding me for good", Delete()),
    ("don't remind me about appointments any more", Delete("appointment")),
    ("cancel my reminder to water the plants", Problem("what", "water the plants")),
    ("delete everything about me", None),
    ("cancel", None),
    # lists
    ("my reminders", List()),
    ("list reminders", List()),
    ("what are my reminders", List()),
    ("do i have any reminders", List()),
    ("can you show me all my reminders please", List()),
    ("when will you remind me next", List()),
    ("is my 9am reminder on?", List()),
    ("have i got any reminders set", List()),
    ("how do reminders work", None),
    ("what happens if i miss a reminder", None),
    ("why did you remind me at 3am", None),
    # moves
    ("i am in paris now, please move my reminders", Move("paris")),
    ("we've moved to new zealand", Move("new zealand")),
    ("I'm living in Cape Town these days", Move("cape town")),
    ("just arrived in dubai", Move("dubai")),
    ("my time zone is Europe/Berlin", Move("europe/berlin")),
    ("I live in Chicago", Move("chicago")),
    ("i'm in rome until friday", Move("rome")),
    ("my timezone is wrong", Problem("where")),
    ("change my time zone", Problem("where")),
    ("i'm moving to spain next month", None),
    ("i'm in agony now", None),
    ("i'm in tears", None),
    ("i live in fear of it coming back", None),
    ("i'm in week 3 now", None),
    ("i moved on to the next exercise", None),
    ("i'm in two minds about surgery now", None),
    # on again
    ("resume my reminders", Resume()),
    ("switch the drops reminders back on", Resume("eye_drops")),
    ("turn reminders back on from monday", Pause(day(11, 23))),
    ("start reminding me again please", Resume()),
    # changes
    ("move my exercises to 6pm", ex("18:00", manner="change")),
    ("change my drops to every 3 hours", drops(every=180, manner="change")),
    ("change the 8am reminder to 9", some("09:00", manner="change", only=(time(8), time(8)))),
    ("make it 7.30", some("07:30", manner="change")),
    ("make it 9 instead of 8", some("09:00", manner="change", only=(time(8), time(8)))),
    ("weekdays only thanks", some(days=WEEKDAYS, manner="change")),
    ("move my exercise reminder from 8am to 10am", ex("10:00", manner="change", only=(time(8), time(8)))),
    ("also remind me at 3", some("15:00", manner="add")),
    ("one more at bedtime please", some("21:30", manner="add")),
    ("make my reminder later", Problem("when")),
    # trouble
    ("remind me at 70", Problem("no_such_time", "70")),
    ("remind me at 26:00", Problem("no_such_time", "26:00")),
    ("remind me every minute", Problem("too_often", "every minute")),
    ("remind me every hour", Problem("too_often", "every hour")),
    ("remind me every 10 seconds", Problem("too_often", "every 10 seconds")),
    ("remind me constantly", Problem("too_often", "constantly")),
    ("remind me 20 times a day", Problem("too_often", "20 times a day")),
    ("remind me once a month", Problem("not_offered", "once a month")),
    ("remind me every 3 days", Problem("not_offered", "every 3 days")),
    ("remind me on alternate days at 9", Problem("not_offered", "on alternate days")),
    ("drops every 2 hours from 10pm to 6am", Problem("not_offered", "10pm to 6am")),
    ("remind me at 8 on 31 november", Problem("no_such_date", "31 november")),
    ("remind me at 8 on 6/7", Problem("which_date", "6/7")),
    ("remind me at 8 until last friday", Problem("past", "last friday")),
    ("remind me at 9am today", Problem("past", "9am")),
    ("remind me at 8 from 5 november", Problem("past", "5 november")),
    ("remind me at 8 from 10 december until 1 december", Problem("ends_first", "1 december")),
    ("remind me later", Problem("when")),
    ("i want a reminder for my drops", Problem("when")),
    ("remind me on weekdays", Problem("when")),
    ("remind me tomorrow", Problem("when")),
    ("remind me three times a week at 9", Problem("which_day")),
    ("remind me to do exercises at 9 and drops at 10", Problem("one_at_a_time", "exercises and drops")),
    ("remind me at 8 on weekdays and 10 on weekends", Problem("one_at_a_time")),
    ("remind me to buy milk at 5", Problem("what", "buy milk")),
    ("remind me to call my sister tonight", Problem("what", "call my sister")),
    ("remind me to take my prednisolone at 8", Problem("what", "take my prednisolone")),
    # not ours
    ("when should i do my exercises", None),
    ("should i do my exercises at 8 or at 9", None),
    ("can i do exercises twice a day?", None),
    ("is every 2 hours enough for drops", None),
    ("what time is best for exercises", None),
    ("my eye has been dry since friday", None),
    ("it started at 8 this morning", None),
    ("i woke up at 7 and my face was numb", None),
    ("i put drops in at 8 and 12", None),
    ("good morning", None),
    ("morning", None),
    ("8", None),
    ("thanks, see you tomorrow", None),
    ("this reminds me of last year", None),
    ("my wife reminds me every morning", None),
    ("remind me how to do the smile exercise", None),
    ("the doctor said to use drops every 2 hours", None),
    ("i had my appointment on monday at 9", None),
    ("i can't close my eye at night", None),
    ("started 2 weeks ago", None),
    ("it hurts when i exercise in the morning", None),
    # the edges of the calendar and the day
    ("remind me at 9 this weekend", some("09:00", starts=day(11, 21), ends=day(11, 22))),
    ("remind me at 9 next weekend", some("09:00", starts=day(11, 28), ends=day(11, 29))),
    ("remind me at 9 next week", some("09:00", starts=day(11, 23), ends=day(11, 29))),
    ("remind me at 9 this week", some("09:00", ends=day(11, 22))),
    ("remind me at 9 for the rest of the month", some("09:00", ends=day(11, 30))),
    ("remind me at 9 until the end of the week", some("09:00", ends=day(11, 22))),
    ("remind me at 9 until the end of next week", some("09:00", ends=day(11, 29))),
    ("remind me at 9 until the end of next month", some("09:00", ends=day(12, 31))),
    ("remind me at 9 until the end of january", some("09:00", ends=day(1, 31, 2027))),
    ("remind me at 9 until the end of november", some("09:00", ends=day(11, 30))),
    ("remind me at 9 until the end of the year", some("09:00", ends=day(12, 31))),
    ("remind me at 9 until next year", some("09:00", ends=day(12, 31))),
    ("remind me at 9 until february", some("09:00", ends=day(1, 31, 2027))),
    ("remind me at 9 from next month", some("09:00", starts=day(12, 1))),
    ("remind me at 9 until new year's eve", some("09:00", ends=day(12, 31))),
    ("remind me at 9 until the weekend", some("09:00", ends=day(11, 20))),
    ("remind me at 9 a week on tuesday", some("09:00", on=day(12, 1))),
    ("remind me in an hour and a half", some("11:45", on=day(11, 18))),
    ("remind me in 30 seconds", Problem("too_often", "in 30 seconds")),
    ("remind me on the 32nd at 9", Problem("no_such_date", "the 32nd")),
    ("remind me at 9 until 2026-13-01", Problem("no_such_date", "2026-13-01")),
    ("remind me at 9 on 31/12/26", some("09:00", on=day(12, 31))),
    ("remind me at 9 on monday 3 december", Problem("which_date", "monday 3 december")),
    ("remind me at 9 on 3 december and 5 december", Problem("one_at_a_time", "3 december and 5 december")),
    ("remind me tomorrow at 9 and friday at 10", Problem("one_at_a_time")),
    ("remind me at 24:00", some("00:00")),
    ("remind me at 65 minutes past 8", Problem("no_such_time", "65 minutes past 8")),
    ("remind me once an hour from 9 to 5", some(every=60, hours="09:00 17:00")),
    ("remind me twice an hour", Problem("too_often", "twice an hour")),
    ("drops every 2 hours for half an hour", drops(every=120)),
    ("remind me twice a day at 8", Problem("when")),
    ("remind me at 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6 and 7", Problem("too_often", "13 times")),
    ("remind me mornings and after lunch", some("09:00 13:30")),
    ("remind me every morning at 8 and at 10", some("08:00 10:00")),
    ("remind me every morning at 8 and 9 at night", some("08:00 21:00")),
    ("remind me in the evening at 6 and at 8", some("18:00 20:00")),
    ("remind me at work to practise", Problem("when")),
    ("at 9 this morning", None),
    # fewer, and on again
    ("turn the reminders back on tomorrow", Pause(day(11, 19))),
    ("turn reminders on at 8", some("08:00")),
    ("pause reminders until 30/2", Problem("no_such_date", "30/2")),
    ("delete my drops and exercise reminders", Problem("one_at_a_time", "drops and exercise")),
    ("stop reminding me except on mondays", some(days=frozenset({MON}), manner="change")),
    ("stop reminding me on weekdays and weekends", Problem("which_day")),
    ("pause the 8am reminder until friday", Problem("not_offered", "8am")),
    ("delete the 8am and 9am reminders", Problem("one_at_a_time", "8am and 9am")),
    ("no reminders this weekend", off("11-21 11-22")),
    ("pause reminders from monday", Problem("until_when")),
    ("stop reminding me on friday", off("11-20")),
    ("pause reminders until 6pm", Problem("not_offered", "6pm")),
    # as they were typed for the engine
    ("alarm for taping my eye at bedtime", drops("21:30")),
    ("wake me with a reminder at half six", some("06:30")),
    ("i keep forgetting my practice, can you remind me", Problem("when")),
    ("quiet hours after 10", quiet("22:00 05:00")),
    ("remind mum to do her massage at 4", ex("16:00")),
    ("please send me message every morning 7 oclock", some("07:00")),
    ("i am in new york now, fix my reminder times", Move("new york")),
    ("i dont want the eye check messages any more", Delete("eye_drops")),
    ("stop texting me every day", Pause()),
    ("skip todays reminder", Pause(day(11, 19))),
    ("cancel tonights reminder", Pause(day(11, 19))),
    ("i would like that you remember me to do massage at 18h", ex("18:00")),
    ("alert me at 10, 2 and 6 for drops", drops("10:00 14:00 18:00")),
    ("send a nudge mid afternoon to close my eye by hand", drops("15:00")),
    ("prompt me hourly to blink on purpose", Problem("what", "blink")),
    ("monthly reminder to take pictures of my face", Problem("what", "take pictures of my face")),
    ("shift my evening prompt to quarter past ten", some("10:15", manner="change", only=(time(17), time(23, 59)))),
    ("make the morning nudge an hour later at weekends", Problem("when")),
    ("bring it forward, remind me at 5 not 6", some("17:00", manner="change", only=(time(18), time(18)))),
    ("moved to australia, shift my reminder clock", Move("australia")),
    ("scrap the weekly photo reminder", Problem("what", "the weekly photo")),
    ("no alerts on sundays, its church", some(days=ALL_BUT_SUNDAY, manner="change")),
    ("nothing after ten pm please", quiet("22:00 05:00")),
    ("pause my nudges for a fortnight, im in hospital", Pause(day(12, 2))),
    ("take my reminders off mute", Resume()),
    ("not now, ask me again in half an hour", some("10:45", on=day(11, 18))),
    ("two reminders, one at breakfast one at supper", some("08:00 18:30")),
    ("make for me alarm, eye medicine, each 3 hour", drops(every=180)),
    ("plz send messege for drops in 14h and 20h", drops("14:00 20:00")),
    ("i forget my exercises, message me at six each day", ex("18:00")),
    ("fewer nudges, once a day is plenty", some("09:00", manner="change")),
    ("send me a message when it's practice time, i lose track", Problem("when")),
    ("this is my last session before the holiday, can i pause the reminders", Pause()),
    ("reminder done. btw my speech is slurring today", None),
    ("you keep reminding me after ive already done it", None),
    ("the reminder shakes my whole bedside table", None),
    ("how many reminders can i have at once", None),
    ("change the wording of my reminder", None),
    ("pause the session", None),
    ("my daughter text me goodbye and turned her phone off", None),
    ("hope I go to sleep and never wake up", None),
    ("we moved to york, which surgery takes new people", None),
    ("", None),
    ("?", None),
]
"""Written beside the code."""
AWAY = "12-03 12-04 12-05 12-06 12-07 12-08 12-09 12-10"
LEFT_OUT: list[Case] = [
    # quiet hours
    ("nothing between 10 at night and 7", quiet("22:00 07:00")),
    ("nothing between ten and seven", quiet("22:00 07:00")),
    ("quiet hours 10 to 7", quiet("22:00 07:00")),
    ("quiet hours from 22:00 to 07:00", quiet("22:00 07:00")),
    ("do not disturb 10pm-7am", quiet("22:00 07:00")),
    ("no reminders between 10pm and 7am", quiet("22:00 07:00")),
    ("quiet after 9pm", quiet("21:00 05:00")),
    ("be quiet after 9 please", quiet("21:00 05:00")),
    ("don't message me after 9", quiet("21:00 05:00")),
    ("nothing before 8", quiet("00:00 08:00")),
    ("no messages before 8am or after 9pm", quiet("21:00 08:00")),
    ("quiet between 12 and 2", quiet("12:00 14:00")),
    ("quiet at night", quiet("22:00 07:00")),
    ("keep quiet after 9pm", quiet("21:00 05:00")),
    ("no reminders after 9pm on sundays", Problem("not_offered", "sundays")),
    ("no reminders after 5 today", Problem("not_offered", "today")),
    ("no reminders after 9pm for a week", Problem("not_offered", "a week")),
    ("not at night", None),
    ("never at night", None),
    ("not before bed", None),
    ("not after 3 weeks", None),
    ("nothing after 2 weeks", None),
    ("my face is quiet after botox", None),
    ("my face is quiet after 9pm", None),
    ("no drops reminders after 10pm", quiet("22:00 05:00", "eye_drops")),
    ("no quiet hours", Quiet(None)),
    ("turn off my quiet hours", Quiet(None)),
    ("quiet hours", Problem("quiet_hours")),
    ("do not disturb", Problem("quiet_hours")),
    ("nothing tastes right after 9pm", None),
    ("nothing works after 9pm", None),
    ("my eye hurts between 10 at night and 7", None),
    ("i can't sleep between 10 and 7", None),
    ("quiet please", None),
    # hours and reminders in one
    ("drops every 2 hours but nothing between 10 at night and 7",
     drops(every=120, quiet=(time(22), time(7)))),
    ("remind me every 2 hours for my drops, nothing after 8pm", drops(every=120, quiet=(time(20), time(5)))),
    ("exercises at 9 and 6 but no reminders after 9pm", ex("09:00 18:00", quiet=(time(21), time(5)))),
    # days off
    ("no reminders while i'm away from 3 to 10 december", off(AWAY)),
    ("i'm away from december 3 to 10, no reminders please", off(AWAY)),
    ("no reminders between 3 and 10 december", off(AWAY)),
    ("not from 3 to 10 december", off(AWAY)),
    ("no reminders on 25 and 26 december", off("12-25 12-26")),
    ("skip reminders on 24, 25 and 26 december", off("12-24 12-25 12-26")),
    ("not on christmas day", off("12-25")),
    ("no exercise reminders on 24 and 25 december", off("12-24 12-25", "exercises")),
    ("no reminders next week", off("11-23 11-24 11-25 11-26 11-27 11-28 11-29")),
    ("remind me at 9 but not on 25 december", some("09:00", days_off=frozenset({day(12, 25)}))),
    ("remind me from 3 to 10 december at 9", some("09:00", starts=day(12, 3), ends=day(12, 10))),
    ("no reminders from 10 to 3 december", Problem("ends_first", "3 december")),
    ("no reminders on bank holidays", Problem("which_holidays", "bank holidays")),
    ("not on bank holidays", Problem("which_holidays", "bank holidays")),
    ("no reminders on holidays", Problem("which_holidays", "holidays")),
    ("no reminders from 1 march to 1 december 2027", Problem("until_when")),
    ("i'm on holiday from 3 to 10 december", None),
    ("not at weekends", some(days=WEEKDAYS, manner="change")),
    ("nothing at weekends", some(days=WEEKDAYS, manner="change")),
    # what can't be, all by itself
    ("every second", Problem("too_often", "every second")),
    ("every minute", Problem("too_often", "every minute")),
    ("every 5 seconds", Problem("too_often", "every 5 seconds")),
    ("200 times a day", Problem("too_often", "200 times a day")),
    ("200 reminders a day", Problem("too_often", "200 reminders a day")),
    ("at 25", Problem("no_such_time", "25")),
    ("25:00", Problem("no_such_time", "25:00")),
    ("remind me on the 31st of february", Problem("no_such_date", "the 31st of february")),
    ("31st of february", Problem("no_such_date", "31st of february")),
    ("remind me on mars", Problem("which_day", "on mars")),
    ("remind me at 9 on mars", Problem("which_day", "on mars")),
    ("remind me on 3 november", Problem("past", "3 november")),
    ("on 3 march 2020 at 9", Problem("past", "3 march 2020")),
    ("remind me at 9 on telegram", some("09:00")),
    ("remind me to put drops on gently at 9", drops("09:00")),
    ("3 march 2020", None),
    ("yesterday at 8", None),
    ("24/30", None),
    ("38.50", None),
    ("all the time", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "request_"), FIRST + MORE + LEFT_OUT)
def test_as_people_ask(text: str, request_: Request | Problem | None) -> None:
    assert read_request(text, NOW) == request_


PLACES = frozenset({"spain", "new york", "york", "paris, france", "paris", "trinidad and tobago", "florida"})


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("i'm in spain", Move("spain")),
        ("I'm in York", Move("york")),
        ("i am in trinidad and tobago for a month", Move("trinidad and tobago")),
        ("im in Paris, France, so please change my times", Move("paris, france")),
        ("i'm in york hospital", None),
        ("i'm in agony", None),
        ("i'm in florida tomorrow", None),
        ("i'm in blorville", None),
        ("i'm in blorville now", Move("blorville")),
        ("use new york time", Move("new york")),
        ("use eastern time", None),
    ],
)
def test_with_the_names_of_places_a_bare_one_is_a_move(text: str, request_: Request | Problem | None) -> None:
    assert read_request(text, NOW, PLACES.__contains__) == request_


@pytest.mark.parametrize(
    ("text", "so_far"),
    [
        ("remind me to put drops in on weekdays until 12 december", drops(days=WEEKDAYS, ends=day(12, 12))),
        ("remind me about my physio appointment on thursday", visit(on=day(11, 19))),
        ("remind me about my appointment at 3pm", visit("15:00")),
        ("drops every 5 minutes", drops()),
        ("remind me to do exercises at 25", ex()),
    ],
)
def test_what_was_understood_is_kept_for_the_answer(text: str, so_far: Wish) -> None:
    problem = read_request(text, NOW)
    assert isinstance(problem, Problem)
    assert problem.so_far == so_far


@pytest.mark.parametrize(
    ("text", "evening"),
    [
        ("remind me today at 9", some("21:00", on=day(11, 18))),
        ("remind me tonight", some("21:30", on=day(11, 18))),
        ("remind me in two hours", some("22:30", on=day(11, 18))),
        ("remind me in 4 hours", some("00:30", on=day(11, 19))),
        ("remind me today at 8", Problem("past", "8")),
    ],
)
def test_late_in_the_day_today_is_what_is_left_of_it(text: str, evening: Request | Problem) -> None:
    assert read_request(text, NOW.replace(hour=20, minute=30)) == evening


@pytest.mark.parametrize(
    ("now", "text", "on"),
    [
        (date(2026, 12, 30), "remind me on friday at 9", date(2027, 1, 1)),
        (date(2026, 12, 30), "remind me on the 31st at 9", date(2026, 12, 31)),
        (date(2026, 1, 31), "remind me on the 30th at 9", date(2026, 3, 30)),
        (date(2026, 11, 18), "remind me on 29 february at 9", date(2028, 2, 29)),
        (date(2026, 12, 31), "remind me tomorrow at 9", date(2027, 1, 1)),
        (date(2026, 11, 20), "remind me on friday at 9", date(2026, 11, 27)),
        (date(2026, 11, 22), "remind me next monday at 9", date(2026, 11, 23)),
    ],
)
def test_dates_at_the_edges_of_the_calendar(now: date, text: str, on: date) -> None:
    moment = datetime.combine(now, time(8), ZoneInfo("Europe/London"))
    assert read_request(text, moment) == some("09:00", on=on)


def test_no_more_days_are_left_out_at_once_than_can_be_kept() -> None:
    found = read_request("no reminders from 3 december to 3 february 2027", NOW)
    assert isinstance(found, DaysOff)
    assert (found.days[0], found.days[-1]) == (day(12, 3), date(2027, 2, 3))
    assert len(found.days) <= MOST_DAYS_OFF


def test_the_present_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        read_request("remind me at 8", NOW.replace(tzinfo=None))


def test_a_long_story_is_no_request() -> None:
    assert read_request("remind me at 8 " + "because my days are long " * 20, NOW) is None


WORDS = (
    "remind me reminder exercises drops appointment check-in at on in every each not except only until till from for after "
    "before between to and , or the my a 8 9.30 25 0 12 8am 10pm half past quarter to noon midnight lunch bed work tonight "
    "today tomorrow yesterday next last this monday fridays weekdays weekend morning evenings night 2 3 200 two hours "
    "minutes seconds days weeks month times day week once twice december 29 february 31st 3/12 30/2 2026-12-20 1999 change "
    "move stop pause delete cancel one instead of new york now i'm daily hourly other second later ? no more a.m. '"
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(["", "remind me ", "change my reminder "]))
@settings(max_examples=250, deadline=None)
def test_whatever_is_typed_what_is_read_can_be_kept(words: list[str], begin: str) -> None:
    read = read_request(begin + " ".join(words), NOW)
    today = NOW.date()
    if isinstance(read, Wish):
        assert list(read.times) == sorted(set(read.times))
        assert len(read.times) <= MOST_A_DAY
        assert read.days <= WEEK
        assert read.days
        assert read.on is None or read.on >= today
        assert read.ends is None or read.ends >= (read.starts or today)
        assert (read.every_minutes is None) == (read.first is None) == (read.last is None)
        if read.every_minutes is not None and read.first and read.last:
            minutes = (read.last.hour - read.first.hour) * 60 + read.last.minute - read.first.minute
            assert read.every_minutes > 0
            assert 0 <= minutes // read.every_minutes < MOST_A_DAY
        assert read.times or read.every_minutes or read.manner == "change"
    elif isinstance(read, Pause):
        assert read.until is None or read.until > today


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_at_all_is_read_without_an_error(text: str) -> None:
    read_request(text, NOW)
    read_request(f"remind me {text}", NOW)
