"""Word error rate, words twice at a seam, and words beside themselves."""

import re
from dataclasses import dataclass


def words(text):
    """Lower case, without punctuation; "twenty-one" is two words, "it's" one."""
    return re.findall(r"[a-záéíóúüñ0-9']+", text.lower().replace("-", " "))


@dataclass(frozen=True)
class WordErrors:
    substitutions: int
    deletions: int
    insertions: int
    reference_words: int

    @property
    def rate(self):
        return (self.substitutions + self.deletions + self.insertions) / max(1, self.reference_words)


def align(reference, heard):
    """Pairs (reference word or None, heard word or None) of the cheapest alignment of two lists of words."""
    rows, columns = len(reference) + 1, len(heard) + 1
    cost = [[0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            if i == 0 or j == 0:
                cost[i][j] = i + j
                continue
            same = cost[i - 1][j - 1] + (reference[i - 1] != heard[j - 1])
            cost[i][j] = min(same, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    return _trace(cost, reference, heard)


def _trace(cost, reference, heard):
    i, j, pairs = len(reference), len(heard), []
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (reference[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((reference[i], heard[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((reference[i], None))
        else:
            j -= 1
            pairs.append((None, heard[j]))
    return pairs[::-1]


def word_errors(reference, heard):
    """WordErrors of one text against another."""
    said = words(reference)
    pairs = align(said, words(heard))
    return WordErrors(sum(a is not None and b is not None and a != b for a, b in pairs),
                      sum(b is None for _, b in pairs), sum(a is None for a, _ in pairs), len(said))


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
