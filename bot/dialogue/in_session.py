"""What somebody says during a session, in words of their own: a move, a pause, a score, or something not right. Pure.

Whatever tells of pain, an eye, dizziness, a headache, a weakness that grows or parts that newly move together is heard
before any move (gate G7 of the evidence pack): a session that stops for nothing harms nobody.
"""

import re
from typing import Literal

from bot.programme.session import Move

type Trouble = Literal["pain", "other", "linked"]
"""Pain; something else that stops a session; or a part that joins in, which is news only where nothing was linked."""

_PART = (
    r"(?:eye(?:lid|brow)?|lid|brow|forehead|mouth(?: corner)?|corner of my mouth|lips?|chin|cheek|nose|neck|jaw|face)"
)
_SIDE = r"(?:weak |other |left |right |bad |good )?"
_PAIN = (
    r"hurt(?:s|ing)?|ouch|ow+|pain(?:s|ful|fully)?(?![- ]?(?:free|less|killer))|sore|stings?|stinging|ach(?:es?|ing)|"
    r"burns?|burning|throb(?:s|bing)?|cramps?|cramping|spasms?"
)
_UNWELL = (
    r"diz+(?:y|iness)|light[- ]?headed|faint|giddy|nausea|nauseous|unwell|head ?aches?|migraine|"
    r"(?:feel(?:ing)?|felt|am|i'm) (?:\w+ ){0,2}(?:sick|ill|funny|strange|odd)|"
    r"my head (?:is )?(?:hurts|spins|spinning|pounds|pounding)"
)
_EYE = (
    rf"(?:my|the|one) {_SIDE}eyes? (?:\w+ ){{0,3}}(?:red|sore|dry|gritty|scratchy|swollen|itchy|itches|blurr?y|blurred|"
    r"waters|watering|weeping|sensitive|irritated)(?! when i eat)|"
    r"(?:vision|sight|seeing) (?:\w+ ){0,2}(?:blurr?y|blurred|double|worse)|see(?:ing)? double|something in my eye"
)
_WORSE = (
    r"(?:getting|got|gets|feels?|is|am|looks?) (?:\w+ ){0,2}(?:weaker|worse|droopier|number)|"
    r"(?:gone|went|going|feels?) (?:\w+ )?numb|new weakness|weaker than"
)
_SPREAD = (
    r"spread(?:s|ing)?|(?:more|new|other|extra) (?:\w+ )?(?:parts?|places?|muscles?|movements?|twitch(?:es|ing)?|bits)"
    r"(?: \w+){0,3}|(?:moves?|moving|linked|twitch(?:es|ing)?) (?:\w+ ){0,2}more (?:than (?:before|usual)|now)|"
    rf"{_PART} (?:\w+ )?(?:now|suddenly|newly|has started|started to) (?:\w+ )?"
    r"(?:moves?|moving|twitch(?:es|ing)?|pulls?|clos(?:es?|ing)|joins?)"
)
_LINKED = (
    rf"{_PART} (?:\w+ )?(?:moves?|moving|closes?|closing|narrows?|twitch(?:es|ing)?|pulls?|pulling|lifts?|tightens?|"
    r"dimples?|squeezes?|joins? in)(?: \w+){0,2} (?:when|while|as|with|too|as well|along|together|in)\b|"
    rf"{_PART} (?:\w+ )?(?:joins|joining) in|(?:move|moving) together|"
    rf"{_PART} (?:twitches|is twitching|keeps twitching)|chin (?:\w+ )?dimpl(?:es|ing)"
)
_OTHER = re.compile(rf"\b(?:{_UNWELL}|{_EYE}|{_WORSE}|{_SPREAD})\b")
_PAINS = re.compile(rf"\b(?:{_PAIN})\b")
_JOINS = re.compile(rf"\b(?:{_LINKED})")
_DENIED = re.compile(
    r"(?:\b(?:no|not|never|without|nothing|none|less|nor|if|when|until|till|unless|where|isn't|doesn't|didn't|don't|"
    r"wasn't|aren't|won't|can't feel any|free of)|n't)(?: (?:\w+|i'm)){0,2} $"
)
"""Right before what it denies, or makes into a condition."""
_WHAT_IS_MEANT = re.compile(r"(?:is|was) (?:it|this|that) (?:normal|ok|okay|all right|alright|right|bad|safe|usual)\b")
_GENERAL = re.compile(
    r"(?:how|what|when|where|which|who|can|could|does|do|did|should|will|would|may|is|are|was|"
    r"tell me|explain|show me)\b"
)
"""How a question begins that leaves it to the articles; "why does it hurt" tells that it does."""
_CLAUSE = re.compile(r"[,.;:!?]+ *| (?:but|and|though|although|however|because) ")


def trouble(text: str) -> Trouble | None:
    """What is not right, as words tell it; None when they tell nothing of the kind, deny it, or only ask.

    Args:
        text: in lower case, with straight apostrophes and single spaces.
    """
    if _GENERAL.match(text) and not _WHAT_IS_MEANT.match(text):
        return None
    clauses = _CLAUSE.split(_WHAT_IS_MEANT.sub("", text))
    kinds: tuple[tuple[Trouble, re.Pattern[str]], ...] = (("other", _OTHER), ("pain", _PAINS), ("linked", _JOINS))
    return next((kind for kind, pattern in kinds if any(_tells(pattern, each) for each in clauses)), None)


def _tells(pattern: re.Pattern[str], clause: str) -> bool:
    return any(not _DENIED.search(clause[: hit.start()]) for hit in pattern.finditer(clause))


_BEFORE = re.compile(
    r"^(?:(?:ok|okay|well|so|um|oh|right|yes|yeah|sorry|please|hey|and|then|now|alright|all right|hi|septimus)\b,? *)+"
)
_AFTER = re.compile(r"(?:,? *\b(?:please|now|then|thanks|thank you|for (?:now|today)|today|for me|if i may))+$")
_MAY_I = (
    r"(?:(?:can|could|may|shall) (?:i|we|you) |let me |let's |lets |"
    r"i (?:want|need|have|would like) to |i'd like to |i must |i'll |we can )?"
)
_IT = (
    r"(?: (?:it|this|that|them|this one|that one|the (?:exercise|step|next|rest)|this (?:exercise|step)|"
    r"all(?: of (?:it|them))?|with (?:it|this|that)))?"
)
_SAID_OF_IT = r"(?:(?:it's|it is|its|that's|that is|this is|this one is|it was|that was|a|something|the) )?"
_HOW_MUCH = r"(?:(?:bit|little|far|way|much|still|really|very|rather) )*"
_MOVES: tuple[tuple[Move, str], ...] = (
    ("stop", rf"{_MAY_I}(?:stop|quit|cancel|end)(?: here| there| the session| exercising| practising)?{_IT}"),
    ("stop", r"(?:that's |that is |i've had )?enough|no more|i give up|i'm (?:too )?tired"),
    ("skip", rf"{_MAY_I}(?:skip|pass(?: on)?|leave out|miss out){_IT}|not this one"),
    ("skip", rf"{_MAY_I}leave (?:this|that|it)(?: one)? out"),
    ("easier", rf"{_SAID_OF_IT}{_HOW_MUCH}(?:easier|smaller|gentler)(?: one| way)?"),
    ("easier", rf"{_SAID_OF_IT}{_HOW_MUCH}(?:too (?:hard|much|difficult|big|strong|long)|hard|difficult)"),
    ("easier", rf"{_MAY_I}(?:make|do) (?:it|this|that|something)(?: a bit| a little)? (?:easier|smaller|gentler)"),
    ("easier", rf"i (?:can't|cannot|cant|couldn't) (?:do|manage|get){_IT}"),
    ("again", rf"{_MAY_I}(?:(?:do|try|see|read) (?:it|that|this) )?(?:again|once more|one more(?: time)?)"),
    ("again", rf"{_MAY_I}(?:another (?:go|time|round)|repeat{_IT}|try again)"),
    ("done", rf"(?:(?:i'm|i am|im|we're|i've|i have|i|that's|it's|just|all) )*(?:done|finished|did|completed?){_IT}"),
    ("next", r"(?:(?:i'm|i am|im) )?ready|go (?:on|ahead)(?: (?:to|with) the next(?: one| step)?)?|continue|got it"),
    ("next", r"carry on|move on|keep going|next(?: one| step| exercise)?|what's next|understood"),
    ("next", r"yep|yup|sure|fine|all right|alright"),
)
_PAUSES = (
    rf"{_MAY_I}(?:pause|wait)(?: a (?:bit|minute|moment|second|sec))?{_IT}",
    rf"{_MAY_I}(?:(?:i )?(?:need|have|take|want) )?(?:a |one )(?:short |little )?(?:break|pause|minute|moment|sec)",
    r"hold on(?: a (?:minute|moment|second))?",
    r"(?:i'll |i will )?(?:be (?:right )?back|come back|brb)(?: later| soon)?|back (?:later|soon)",
    r"(?:i'll |i will )?(?:do (?:it|this|the rest) |go on )?later(?: on| today)?|not now|another time",
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SCORE = re.compile(
    r"(?:(?:it|it's|is|was|about|around|maybe|perhaps|roughly|probably|like|only|just|a|an|i'd|would|say|i|think|give|"
    r"effort|comfort|my face|feels) )*"
    rf"(\d{{1,2}}|{'|'.join(_NUMBERS)})"
    r"(?: ?/ ?10| out of (?:10|ten)| of (?:10|ten))?(?: (?:i think|i'd say|i guess|maybe|or so|points?))*"
)


def bare(text: str) -> str:
    """Words without the politeness around them; as they were when there is nothing else."""
    asked = _AFTER.sub("", text).strip(" ,") or text
    return _BEFORE.sub("", asked).strip(" ,") or asked


def move(text: str) -> Move | None:
    """The move that words ask for; None when they are something else."""
    said = bare(text)
    return next((name for name, pattern in _MOVES if re.fullmatch(pattern, said)), None)


def is_pause(text: str) -> bool:
    """Whether words ask for a pause."""
    return any(re.fullmatch(each, bare(text)) for each in _PAUSES)


def score(text: str) -> int | None:
    """The number from 0 to 10 that words give; None when they give none, or another."""
    found = _SCORE.fullmatch(bare(text))
    if found is None:
        return None
    value = _NUMBERS.index(found[1]) if found[1] in _NUMBERS else int(found[1])
    return value if value <= len(_NUMBERS) - 1 else None
