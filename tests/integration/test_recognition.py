"""What cutting costs in words: each recogniser on the product's own fragments, against the same speech in one go."""

import pytest

from support import engines
from support.recognition import choose, flite_speech, hear, hear_cut

SHIFTS_MS = (3000, 3600)  # where it once cost most, and where "and" came out twice; tests/bench/recognition.py measures twenty
MOST_EXTRA = {"pocketsphinx": 3.0, "whisper": 2.0}  # points; over twenty positions Whisper's median is under 1


@pytest.mark.parametrize("asr", MOST_EXTRA)
@pytest.mark.timeout(900)  # a minute of CPU; the machine may have much else to do
def test_seams_cost_few_words(tmp_path, asr):
    model = next(model for name, model in engines.RECOGNISERS if name == asr)
    problem = engines.problem(engines.Engines(asr=asr, model=model, tts="espeak-ng"))
    if problem:
        pytest.skip(problem)
    speech, named = flite_speech(tmp_path / "speech.wav"), choose(asr, model)
    whole = hear(speech, *named)
    for shift_ms in SHIFTS_MS:
        cut = hear_cut(speech, shift_ms, *named)
        print(f"{asr}, marks at {shift_ms} ms: {cut.rate:.1f} % word errors, in one go {whole.rate:.1f} %")
        assert cut.twice == [], f"marks at {shift_ms} ms: {cut.fragments}"
        assert cut.stuttered == [], f"marks at {shift_ms} ms: {cut.fragments}"
        assert cut.rate <= whole.rate + MOST_EXTRA[asr], f"marks at {shift_ms} ms: {cut.fragments}"
