"""Word error rate, and words said twice."""

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


def said_twice(reference, heard):
    """Words heard once more than they were said, right beside themselves: what a seam that overlaps would give."""
    pairs = align(words(reference), words(heard))
    twice = []
    for index, (said, word) in enumerate(pairs):
        if said is not None or word is None:
            continue
        neighbours = [pairs[k][1] for k in (index - 1, index + 1) if 0 <= k < len(pairs)]
        if word in neighbours:
            twice.append(word)
    return twice
