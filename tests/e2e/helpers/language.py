"""Whether a text is in the language it should be in, by its commonest words."""

from support.spelling import words

COMMON = {
    "en": set("the a an and is are was were he she it they we you i of to in on at with for this that have has had will be been "
              "one two three four five six seven eight nine ten".split()),
    "es": set("el la los las un una y es son era fue en de del al a con por para que se su sus lo le este esta ha han tiene no "
              "uno dos tres cuatro cinco seis siete ocho nueve diez él ella ellos nosotros".split()),
}
AMBIGUOUS = COMMON["en"] & COMMON["es"]  # "a", "he" stay out of both


def share(text, language):
    """The share of words that are among the commonest of that language and of no other here."""
    said = words(text)
    return sum(word in COMMON[language] - AMBIGUOUS for word in said) / max(1, len(said))


def is_spanish(text):
    return share(text, "es") > 0.15 and share(text, "es") > 2 * share(text, "en")


def is_english(text):
    return share(text, "en") > 0.15 and share(text, "en") > 2 * share(text, "es")
