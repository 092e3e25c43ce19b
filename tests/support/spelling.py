"""Text as the words that are said, so that two spellings of the same speech are equal: case and punctuation dropped, accents kept,
numbers and a few abbreviations spelled out in each way somebody may read them. English and Spanish."""

import re
from functools import cache

from num2words import num2words

TOKEN = re.compile(r"""
    (?P<money>[$€£])?\s?(?P<number>\d+(?:[.,:]\d+)*)(?P<ordinal>(?:st|nd|rd|th|[ºª])(?![^\W\d_]))?\s?(?P<percent>%)?
  | (?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)
  | (?P<sign>&)""", re.X)

MONEY = {"en": {"$": "dollars", "€": "euros", "£": "pounds"}, "es": {"$": "dólares", "€": "euros", "£": "libras"}}
PERCENT = {"en": [("percent",), ("per", "cent")], "es": [("por", "ciento")]}
POINT = {"en": ["point", "dot"], "es": ["punto", "coma"]}
AND = {"en": "and", "es": "y"}
NOUGHT = {"en": ["zero", "oh", "o"], "es": ["cero"]}
SAME = {
    "en": {"mr": ["mister"], "mrs": ["missus", "misses"], "dr": ["doctor"], "st": ["saint"], "vs": ["versus"], "ok": ["okay"],
           "percent": ["per cent"], "cannot": ["can not"], "alright": ["all right"], "gonna": ["going to"]},
    "es": {"sr": ["señor"], "sra": ["señora"], "dr": ["doctor"], "dra": ["doctora"], "ud": ["usted"], "uds": ["ustedes"]},
}
ONE = {"uno": ["un", "una"], "veintiuno": ["veintiún", "veintiuna"], "cientos": ["cientas"], "quinientos": ["quinientas"]}


def _spelled(text):
    return tuple(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower()))


def _genders(words):
    """Spanish numbers agree with what is counted: veintiún goles, doscientas personas."""
    yield words
    for ending, others in ONE.items():
        for other in others:
            changed = tuple(word[:-len(ending)] + other if word.endswith(ending) else word for word in words)
            if changed != words:
                yield changed


def _cardinals(number, language):
    words = _spelled(num2words(number, lang=language))
    if language == "es":
        yield from _genders(words)
        return
    yield words
    if "and" in words:
        yield tuple(word for word in words if word != "and")


def _ordinals(number, language, feminine):
    words = _spelled(num2words(number, lang=language, to="ordinal"))
    if language == "es":
        hers = tuple(word[:-1] + "a" if word.endswith("o") else word for word in words)
        yield from (hers, words) if feminine else (words, hers)
        yield tuple(word[:-1] if word in ("primero", "tercero") else word for word in words)
    else:
        yield words


def _digits(digits, language):
    """One by one, nought in each of its names."""
    named = [_spelled(num2words(int(digit), lang=language))[0] for digit in digits]
    for nought in NOUGHT[language]:
        yield tuple(nought if digit == "0" else word for digit, word in zip(digits, named))


def _pairs(digits, language):
    """1234 as twelve thirty-four; 8500 as eighty-five hundred."""
    first, second = int(digits[:2]), int(digits[2:])
    if first < 10:
        return
    front = _spelled(num2words(first, lang=language))
    if second == 0:
        if language == "en" and first % 10:
            yield front + ("hundred",)
        return
    yield front + ("oh",) * (second < 10 and language == "en") + _spelled(num2words(second, lang=language))


def _whole(digits, language):
    if len(digits) > 1 and digits[0] == "0":
        yield from _digits(digits, language)
        return
    if len(digits) <= 12:
        yield from _cardinals(int(digits), language)
    if len(digits) > 1:
        yield from _digits(digits, language)
    if len(digits) == 4:
        yield from _pairs(digits, language)


def _number(text, language):
    """The readings of digits with points, commas and colons among them."""
    parts = re.split(r"[.,:]", text)
    if len(parts) == 1:
        yield from _whole(text, language)
        return
    if all(len(part) == 3 for part in parts[1:]):
        yield from _whole("".join(parts), language)
    for front in _whole(parts[0], language):
        for back in [reading for part in parts[1:2] for reading in _whole(part, language)]:
            yield front + back
            yield from (front + (point,) + back for point in POINT[language] if ":" not in text)


@cache
def _readings(match_key, language):
    money, number, ordinal, percent, word, sign = match_key
    if word:
        return ((word,), *(tuple(same.split()) for same in SAME[language].get(word, [])))
    if sign:
        return ((AND[language],),)
    found = list(_ordinals(int(number), language, ordinal == "ª") if ordinal and number.isdigit() else _number(number, language))
    if percent:
        found = [words + after for after in PERCENT[language] for words in found]
    if money:
        found = [words + (MONEY[language][money],) for words in found]
    return tuple(dict.fromkeys(found))


def readings(text, language="en"):
    """For each word or number of the text in turn: the ways to say it, each a tuple of words, the usual one first."""
    plain = text.lower().replace("’", "'").replace("…", " ")
    return [_readings(match.group("money", "number", "ordinal", "percent", "word", "sign"), language)
            for match in TOKEN.finditer(plain)]


def words(text, language="en"):
    """The text's words as they are usually said: "twenty-one" is two, and so is "21"; "it's" is one."""
    return [word for ways in readings(text, language) for word in ways[0]]
