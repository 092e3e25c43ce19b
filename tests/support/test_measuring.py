"""The measuring tools, tried on media whose truth is known: what they find fault with, and what they must not."""

import numpy as np
import pytest

from fixtures import clips, sound
from fixtures import speech as spoken
from support import avsync, media, net, prometheus, sine, speech, wer
from support.process import Program


def test_clip_is_what_the_issue_asks_for(nfl):
    video, audio = media.stream(nfl, "video"), media.stream(nfl, "audio")
    assert (video["codec_name"], video["width"], video["height"], video["r_frame_rate"]) == ("h264", 1280, 720, "30/1")
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "44100", 2)
    assert media.duration_s(nfl, "video") == pytest.approx(60, abs=0.001)
    assert media.duration_s(nfl, "audio") == pytest.approx(60, abs=0.001)
    assert any(p.pts_s != p.dts_s for p in media.packets(nfl, "video")), "no B-frames"


def test_counting_clip_says_a_number_each_second():
    clip = clips.counting()
    assert media.duration_s(clip, "audio") == pytest.approx(30, abs=0.001)
    assert media.stream(clip, "audio")["sample_rate"] == "48000"
    samples = media.decode_audio(clip)
    for second, said in enumerate(clips.reference(clip)["sentences"]):
        onset = speech.onset_s(samples[second * 16000:(second + 1) * 16000], 16000)
        assert onset == pytest.approx(0.15, abs=0.1), said["text"]


def test_clip_itself_is_in_sync(nfl):
    marks = avsync.measure(nfl)
    assert [m.flash_s for m in marks] == pytest.approx(spoken.marks(60), abs=0.001)
    assert max(abs(m.offset_ms) for m in marks) < 5
    assert abs(avsync.drift_ms(marks)) < 5


@pytest.mark.parametrize("late_ms", [-200, -45, -10, 10, 45, 400])
def test_shifted_sound_is_found(nfl, tmp_path, late_ms):
    shifted = tmp_path / "shifted.mkv"
    media.ffmpeg("-t", 20, "-i", nfl, "-itsoffset", late_ms / 1000, "-t", 20, "-i", nfl, "-map", "0:v", "-map", "1:a",
                 "-c:v", "copy", "-c:a", "copy", "-avoid_negative_ts", "disabled", shifted)
    offsets = [m.offset_ms for m in avsync.measure(shifted)]
    assert len(offsets) == 2
    assert offsets == pytest.approx([late_ms] * 2, abs=3)


def test_drift_is_found(nfl, tmp_path):
    drifting = tmp_path / "drifting.mkv"
    media.ffmpeg("-i", nfl, "-map", "0:v", "-map", "0:a", "-c:v", "copy", "-af", "asetrate=44144,aresample=44100",
                 "-c:a", "pcm_s16le", drifting)
    assert avsync.drift_ms(avsync.measure(drifting)) == pytest.approx(-50, abs=5)  # 0.1 % of 50 s


@pytest.mark.parametrize("bed_db", [-12, -18])
def test_beep_is_found_under_speech(nfl, tmp_path, bed_db):
    """Somebody speaks through every beep, at the loudness of the original voice."""
    bed = media.decode_audio(nfl, avsync.RATE_HZ) * 10 ** (bed_db / 20)
    voice = spoken.speak("slt", "now the visitors have the ball and the clock is running down with a lot of noise here")
    voice = sound.resample(voice, spoken.VOICE_HZ, avsync.RATE_HZ)
    voice = voice * (0.11 / np.sqrt(np.mean(voice ** 2)))
    voice = np.tile(voice, len(bed) // len(voice) + 1)[:len(bed)]
    for shift in range(0, 5 * avsync.RATE_HZ, avsync.RATE_HZ):
        mixed = bed + np.roll(voice, shift)
        found = [(at_s, avsync.find_beep(mixed, at_s)) for at_s in spoken.marks(60)]
        assert all(found_s is not None and abs(found_s - at_s) < 0.001 for at_s, found_s in found), found


def test_missing_beep_is_missed(nfl):
    samples = media.decode_audio(nfl, avsync.RATE_HZ)
    for at_s in np.arange(7.0, 55.0, 1.0):
        if min(abs(at_s - mark) for mark in spoken.marks(60)) > 0.7:
            assert avsync.find_beep(samples, at_s, search_s=0.5) is None, f"a beep near {at_s} s"
    assert avsync.find_beep(np.zeros(2 * avsync.RATE_HZ, np.float32), 1.0) is None


@pytest.mark.parametrize("rate_hz", [44100, 48000])
@pytest.mark.parametrize("flaw", ["none", "gap", "repeat", "silence", "click", "lost-ms", "lost-frame-elsewhere"])
def test_sine(rate_hz, flaw):
    tone = sound.sine(12, rate_hz, 205.0).copy()
    at, frame = 6 * rate_hz + 17, 1024
    if flaw == "gap":
        tone = np.delete(tone, slice(at, at + frame))
    elif flaw == "repeat":
        tone = np.insert(tone, at, tone[at - frame:at])
    elif flaw == "silence":
        tone[at:at + rate_hz // 100] = 0
    elif flaw == "click":
        tone[at] += 0.2
    elif flaw == "lost-ms":
        tone = np.delete(tone, slice(at, at + round(0.0012 * rate_hz)))
    elif flaw == "lost-frame-elsewhere":
        tone = np.delete(tone, slice(rate_hz, rate_hz + frame))
    report = sine.analyse(tone, rate_hz, 205.0)
    sound_whole = abs(report.worst_phase_ms) < 1 and report.worst_step_ms < 1 and not report.clicks_s and report.level_min > 0.9
    assert sound_whole == (flaw == "none"), report


def test_sine_survives_its_own_encoding():
    """What AAC alone does to the tone is far under every limit, so a fault found behind it is a fault."""
    report = sine.analyse(media.decode_audio(clips.sine(20.0), 44100, placed=False), 44100, 205.0)
    assert abs(report.worst_phase_ms) < 0.1 and report.clicks_s == [] and report.level_min > 0.97


def test_speech_is_told_from_noise(nfl):
    samples = media.decode_audio(nfl)
    assert speech.voiced_share(samples, 16000) > 0.4
    assert speech.voiced_share(sound.crowd(10, 16000)[0] * 5, 16000) < 0.1
    assert speech.voiced_share(np.zeros(16000), 16000) == 0


def test_difference_tells_same_from_other(nfl, tmp_path):
    again = tmp_path / "again.m4a"
    media.ffmpeg("-i", nfl, "-vn", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "96k", again)
    original = media.decode_audio(nfl)
    assert speech.difference_db(original, media.decode_audio(again), 16000) < 2
    assert speech.difference_db(original[:16000 * 20], original[16000 * 20:16000 * 40], 16000) > 6


@pytest.mark.parametrize("lag", [-800, -1, 0, 5, 1200])
def test_lag_is_removed(nfl, lag):
    samples = media.decode_audio(nfl)[:16000 * 10]
    one, other = (samples[lag:], samples) if lag >= 0 else (samples, samples[-lag:])
    one, other = speech.aligned(other, one, 16000)
    length = min(len(one), len(other))
    assert np.array_equal(one[:length], other[:length])


WER_ROWS = {
    "same": ("one two three", "one two three", 0, []),
    "case-and-marks": ("One, two! Three.", "one two three", 0, []),
    "hyphen": ("twenty-one", "twenty one", 0, []),
    "substitution": ("one two three", "one too three", 1, []),
    "deletion": ("one two three", "one three", 1, []),
    "twice": ("one two three", "one two two three", 1, ["two"]),
    "twice-in-the-text": ("had had", "had had", 0, []),
    "inserted-but-not-twice": ("one two", "one so two", 1, []),
    "nothing-heard": ("one two", "", 2, []),
}


@pytest.mark.parametrize("row", WER_ROWS.values(), ids=WER_ROWS.keys())
def test_word_errors(row):
    said, heard, errors, extra = row
    assert wer.word_errors(said, heard).rate == pytest.approx(errors / len(wer.words(said)))
    assert wer.stuttered(said, heard) == extra


SEAM_ROWS = {
    "whole": ("one two three", ["one two", "three"], []),
    "at-the-seam": ("one two three", ["one two", "two three"], ["two"]),
    "several-words": ("one two three four", ["one two three", "Two three. Four"], ["two three"]),
    "in-the-text": ("you had had enough", ["you had", "had enough"], []),
    "twice-and-a-word-lost": ("one two three", ["two", "two three"], ["two"]),
    "once-more-than-in-the-text": ("you had had enough", ["you had had", "had enough"], ["had"]),
    "inside-a-fragment": ("one two three", ["one", "two two three"], []),
    "silence-between": ("one two three", ["one two", "", "two three"], ["two"]),
    "nothing-heard": ("one two three", ["", ""], []),
}


@pytest.mark.parametrize("row", SEAM_ROWS.values(), ids=SEAM_ROWS.keys())
def test_words_twice_at_a_seam(row):
    said, fragments, twice = row
    assert wer.said_twice(said, fragments) == twice


def test_prometheus_text():
    text = ('# HELP a_total x\n# TYPE a_total counter\na_total{k="v\\"w",l="1"} 3\na_total{k="z",l="2"} 4 1700000000\n'
            '# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="2"} 10\nh_bucket{le="+Inf"} 10\nh_sum 9\nh_count 10\n')
    metrics = prometheus.Metrics(text)
    assert metrics.value("a_total") == 7
    assert metrics.value("a_total", k='v"w') == 3
    assert metrics.value("b_total", default=0) == 0
    assert metrics.quantile("h", 0.75) == pytest.approx(1.5)
    with pytest.raises(KeyError):
        metrics.value("b_total")
    with pytest.raises(ValueError, match="not a sample"):
        prometheus.Metrics("a total 3")


def test_program_is_heard_and_stopped():
    with Program(["sh", "-c", "echo ready on 17; exec cat"], stdin=-1) as program:
        assert program.wait_for_line(r"on (\d+)", 5).group(1) == "17"
        with pytest.raises(AssertionError, match="not within"):
            program.wait_for_line("never", 0.1)
        assert program.rss_kb() > 0
    assert not program.running


def test_program_that_ends_is_not_waited_for():
    with Program(["sh", "-c", "echo no; exit 3"]) as program:
        with pytest.raises(AssertionError, match="status 3"):
            program.wait_for_line("never", 30)
        assert program.wait(5) == 3


def test_free_port_is_free():
    assert not net.accepts(net.free_port())
    with pytest.raises(TimeoutError, match="a thing"):
        net.wait_for(lambda: False, 0.1, "a thing")
