"""The tools that judge words, tried on people whose words are known, and on texts that are wrong on purpose."""

import subprocess
import sys

import numpy as np
import pytest

from fixtures import clips, people, sound
from support import ear, media, spelling, wer
from support.programs import ROOT

# ---- spelling ----

SAME = {  # language, one spelling, another of the same words
    "digits": ("en", "The 20 yard line", "the twenty yard line"),
    "hundreds": ("en", "500 of them", "five hundred of them"),
    "hundreds-and": ("en", "502", "five hundred two"),
    "one-by-one": ("en", "dial 500", "dial five zero zero"),
    "digits-in-pieces": ("en", "1, 2, 3, 4", "1234"),
    "pairs": ("en", "extension 8500", "extension eighty-five hundred"),
    "year": ("en", "in 1984", "in nineteen eighty-four"),
    "decimals": ("en", "28.8 kilobits", "twenty eight point eight kilobits"),
    "thousands": ("en", "1,000", "one thousand"),
    "ordinal": ("en", "the 3rd quarter", "the third quarter"),
    "percent": ("en", "50%", "fifty per cent"),
    "money": ("en", "$5", "five dollars"),
    "score": ("en", "it's 6-4", "it's six four"),
    "hyphen": ("en", "Cold-hearted.", "cold hearted"),
    "apostrophe": ("en", "I’m here", "I'm here"),
    "mister": ("en", "Mr. Dashwood", "mister Dashwood"),
    "digits-es": ("es", "3 goles", "tres goles"),
    "gender-es": ("es", "21 yardas", "veintiuna yardas"),
    "hundreds-es": ("es", "200 personas", "doscientas personas"),
    "ordinal-es": ("es", "la 1ª vez", "la primera vez"),
    "thousands-es": ("es", "1.000", "mil"),
    "decimals-es": ("es", "28,8", "veintiocho coma ocho"),
    "punctuation-es": ("es", "¡Qué gol! ¿No?", "qué gol no"),
}

OTHER = {
    "another-number": ("en", "30 yards", "thirteen yards"),
    "another-digit": ("en", "dial 1234", "dial 1243"),
    "plural": ("en", "yards", "yard"),
    "accent": ("es", "él está", "el esta"),
    "tilde": ("es", "año", "ano"),
    "gender": ("es", "buena", "bueno"),
}


@pytest.mark.parametrize("name", SAME)
def test_same_words(name):
    language, one, other = SAME[name]
    assert wer.word_errors(one, other, language).rate == 0, spelling.readings(one, language)
    assert wer.word_errors(other, one, language).rate == 0


@pytest.mark.parametrize("name", OTHER)
def test_other_words(name):
    language, one, other = OTHER[name]
    assert wer.word_errors(one, other, language).rate > 0


def test_a_number_counts_as_the_words_it_was_read_as():
    errors = wer.word_errors("dial 500 now", "dial five zero zero", "en")
    assert (errors.deletions, errors.reference_words) == (1, 5)


def test_numbers_do_not_hide_errors():
    errors = wer.word_errors("he has 25 points and 7 rebounds", "he has 35 points and rebounds")
    assert (errors.substitutions, errors.deletions, errors.insertions) == (1, 1, 0)


# ---- the ear ----

@pytest.fixture(scope="module")
def heard():
    """heard(name, language): what the ear hears of a person, each only once."""
    known = {}

    def hear(name, language="en"):
        if name not in known:
            known[name] = ear.hear_samples(people.samples(people.people(language)[name]), language)
        return known[name]

    return hear


PEOPLE = {("ps-sense", "en"): 0.05, ("jfk", "en"): 0.05, ("days", "es"): 0.0, ("months", "es"): 0.0, ("numbers", "es"): 0.0,
          ("sentences", "es"): 0.08}


@pytest.mark.parametrize(("name", "language"), PEOPLE)
def test_hears_people(heard, name, language):
    found = heard(name, language)
    errors = found.errors(people.people(language)[name].text)
    print(f"{name}: {100 * errors.rate:.1f} % of {errors.reference_words} words")
    assert errors.rate <= PEOPLE[name, language], found.text


@pytest.mark.parametrize(("name", "language"), [("jfk", "en"), ("sentences", "es")])
def test_tells_the_language(name, language):
    samples = people.samples(people.people(language)[name])
    assert ear.hear_samples(samples[:8 * people.RATE_HZ]).language == language


def test_hears_from_a_file(heard):
    person = people.people()["jfk"]
    found = ear.hear(people.clip(person), "en")
    assert found.errors(person.text).rate <= 0.05, found.text


def test_wrong_texts_are_wrong(heard):
    """The speech is the same; the texts are each wrong in one way, and the errors are found to be these."""
    said = heard("jfk")
    text = people.people()["jfk"].text
    right = said.errors(text)
    more = said.errors(text + " and nobody said this")
    less = said.errors(text.replace("my fellow Americans, ", ""))
    other = said.errors(text.replace("country", "company"))
    assert more.deletions == right.deletions + 4
    assert less.insertions == right.insertions + 3
    assert other.substitutions == right.substitutions + 2
    assert said.errors(people.people()["ast-demo-nogo"].text).rate > 0.8


def test_speech_that_cannot_be_understood_is_not(heard):
    """The same words at 15 dB under noise: the ear must say that it does not get them."""
    person = people.people()["jfk"]
    drowned = people.samples(person, -15)
    assert ear.hear_samples(drowned, "en").errors(person.text).rate > 0.5


def test_words_have_their_times(counting):
    found = ear.hear(counting, "en")
    said = clips.reference(counting)["sentences"]
    assert found.errors(clips.reference_text(counting)).rate == 0, found.text
    middles = [(w.start_s + w.end_s) / 2 for w in found.words]
    wanted = [(s["start_s"] + s["end_s"]) / 2 for s in said]
    assert len(middles) == len(wanted) and np.median(np.abs(np.subtract(middles, wanted))) < 0.4
    assert spelling.words(found.between(9.8, 12.9)) == spelling.words("eleven twelve thirteen")


def test_same_sound_same_words(heard):
    first = heard("jfk")
    again = ear.hear_samples(people.samples(people.people()["jfk"]), "en")
    assert again == first


def test_without_its_model_it_fails_and_says_how_to_get_it():
    """In a process of its own, since the model is loaded once."""
    program = ("import sys; sys.path[:0] = ['tests', 'tools']\nfrom pathlib import Path\nfrom support import ear\nimport numpy\n"
               "ear.MODEL = Path('/nonexistent')\near.hear_samples(numpy.zeros(16000, 'f4'))")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "make deps" in done.stderr


# ---- the clips ----

@pytest.mark.parametrize("snr_db", [10, 0])
def test_noise_is_as_loud_as_asked(snr_db):
    person = people.people()["jfk"]
    clean = people.samples(person)
    noise = people.samples(person, snr_db) - clean
    loud = clean[np.abs(clean) > 0.01]
    measured = 10 * np.log10(np.mean(loud ** 2) / np.mean(noise ** 2))
    assert measured == pytest.approx(snr_db, abs=0.2)
    octaves = [np.mean(sound.band(noise, people.RATE_HZ, hz, 2 * hz) ** 2) for hz in (125, 500, 2000)]
    assert max(octaves) / min(octaves) < 1.2


def test_clips_are_the_same_each_time():
    person = people.people()["jfk"]
    assert np.array_equal(people.samples(person, 10), people.samples(person, 10))
    for make in people.NOISES.values():
        assert np.array_equal(make(3.0, people.RATE_HZ), make(3.0, people.RATE_HZ))


@pytest.mark.parametrize("name", people.NOISES)
def test_nobody_speaks_in_noise(name):
    samples = people.NOISES[name](20.0, people.RATE_HZ)
    assert len(samples) == 20 * people.RATE_HZ and np.abs(samples).max() < 1
    level_db = 20 * np.log10(np.sqrt(np.mean(samples ** 2)) + 1e-9)
    assert (level_db < -100) == (name == "silence") and level_db < -15


def test_every_english_person_has_a_translation():
    for person in people.people("en").values():
        assert person.kind in ("book", "prompt") and len(person.translation.split()) > 5, person.name
    assert len(people.sentences("en")) == len(people.sentences("es")) == 30


def test_a_clip_has_pictures_and_its_sound():
    person = people.people()["ast-demo-thanks"]
    clip = people.clip(person, 10)
    assert media.stream(clip, "video") and media.duration_s(clip, "audio") == pytest.approx(
        len(people.samples(person)) / people.RATE_HZ, abs=0.05)
