"""Word error rate, words twice at a seam, and words beside themselves."""

from dataclasses import dataclass

from support.spelling import readings, words


@dataclass(frozen=True)
class WordErrors:
    substitutions: int
    deletions: int
    insertions: int
    reference_words: int

    @property
    def rate(self):
        return (self.substitutions + self.deletions + self.insertions) / max(1, self.reference_words)


class _Lattice:
    """A text as the ways to say it: before[n] holds, for the place n between words, each word that ends there with the place where
    it begins. Place 0 is the text's start, the last place its end."""

    def __init__(self, tokens):
        self.before = [[]]
        start = 0
        for ways in tokens:
            ends = [(self._inside(start, way), way[-1]) for way in ways]
            self.before.append(ends)
            start = len(self.before) - 1

    def _inside(self, place, way):
        """The place before the last word of a way; its other words get places of their own."""
        for word in way[:-1]:
            self.before.append([(place, word)])
            place = len(self.before) - 1
        return place


def _steps(i, j, said, heard):
    """(cost, place before i, place before j, said word or None, heard word or None) of each step that leads to (i, j)."""
    for before_j, other in heard.before[j]:
        for before_i, word in said.before[i]:
            yield word != other, before_i, before_j, word, other
    for before_i, word in said.before[i]:
        yield 1, before_i, j, word, None
    for before_j, other in heard.before[j]:
        yield 1, i, before_j, None, other


def _align(said, heard):
    """Pairs of the cheapest way through two lattices."""
    cost = [[0] * len(heard.before) for _ in said.before]
    for i in range(len(said.before)):
        for j in range(len(heard.before)):
            if i or j:
                cost[i][j] = min(price + cost[k][m] for price, k, m, _, _ in _steps(i, j, said, heard))
    i, j, pairs = len(said.before) - 1, len(heard.before) - 1, []
    while i or j:
        _, i, j, word, other = next(s for s in _steps(i, j, said, heard) if s[0] + cost[s[1]][s[2]] == cost[i][j])
        pairs.append((word, other))
    return pairs[::-1]


def align(reference, heard):
    """Pairs (reference word or None, heard word or None) of the cheapest alignment of two lists of words."""
    return _align(*(_Lattice([((word,),) for word in text]) for text in (reference, heard)))


def word_errors(reference, heard, language="en"):
    """WordErrors of one text against another, whichever way its numbers are spelled."""
    pairs = _align(*(_Lattice(readings(text, language)) for text in (reference, heard)))
    return WordErrors(sum(a is not None and b is not None and a != b for a, b in pairs),
                      sum(b is None for _, b in pairs), sum(a is None for a, _ in pairs), sum(a is not None for a, _ in pairs))


def said_twice(reference, fragments):
    """What was said once and heard on both sides of a seam: the last words of a fragment that are the first of the next one.

    fragments: the text of each, in order. Words that the reference repeats as well do not count."""
    spoken = [heard for heard in map(words, fragments) if heard]
    heard = [word for fragment in spoken for word in fragment]
    pairs = [pair for pair in align(words(reference), heard) if pair[1] is not None]
    twice, seam = [], 0
    for before, after in zip(spoken, spoken[1:]):
        seam += len(before)
        count = next((n for n in range(min(len(before), len(after)), 0, -1) if before[-n:] == after[:n]), 0)
        if count and any(said != word for said, word in _repeats(pairs, seam, count)):
            twice.append(" ".join(after[:count]))
    return twice


def _repeats(pairs, seam, count):
    """The pairs around a seam for as far as the count words before it come again: which of them is one too many, an
    alignment cannot tell."""
    heard = [word for _, word in pairs]
    unit, first, end = heard[seam:seam + count], seam - count, seam + count
    while heard[max(0, first - count):first] == unit:
        first -= count
    while heard[end:end + count] == unit:
        end += count
    return pairs[first:end]


def stuttered(reference, heard):
    """Words heard once more than they were said, right beside themselves, wherever the seams are."""
    pairs = align(words(reference), words(heard))
    extra = []
    for index, (said, word) in enumerate(pairs):
        if said is not None or word is None:
            continue
        neighbours = [pairs[k][1] for k in (index - 1, index + 1) if 0 <= k < len(pairs)]
        if word in neighbours:
            extra.append(word)
    return extra
