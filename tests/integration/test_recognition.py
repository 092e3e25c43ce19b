"""What cutting costs in words: the recogniser on the product's own fragments, against the same speech in one go."""

import pytest

from support.recognition import hear, hear_cut, make_clip

SHIFTS_MS = (3000, 3600)  # where it once cost most, and where "and" came out twice; tests/bench/recognition.py measures twenty
MOST_EXTRA = 3.0          # points


@pytest.mark.timeout(900)  # a minute of CPU; the machine may have much else to do
def test_seams_cost_few_words(tmp_path):
    clip = make_clip(tmp_path / "clip.wav")
    whole = hear(clip)
    for shift_ms in SHIFTS_MS:
        cut = hear_cut(clip, shift_ms)
        print(f"marks at {shift_ms} ms: {cut.rate:.1f} % word errors, in one go {whole.rate:.1f} %")
        assert cut.twice == [], f"marks at {shift_ms} ms: {cut.fragments}"
        assert cut.stuttered == [], f"marks at {shift_ms} ms: {cut.fragments}"
        assert cut.rate <= whole.rate + MOST_EXTRA, f"marks at {shift_ms} ms: {cut.fragments}"
