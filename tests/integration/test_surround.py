"""Sound of more than two channels: which loudspeaker each comes out of, how loud speech stays where it is mixed, and where a dub goes."""

import os
import pathlib
import re
import subprocess

import numpy as np
import pytest

from fixtures import people, sound
from support.programs import Dub

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
RATE_HZ, SECONDS = 48000, 2
ENGINES = ("--asr", "pocketsphinx", "--mt", "apertium", "--tts", "espeak-ng")
SPEAKERS = {"3.0": "FL FR FC", "quad": "FL FR BL BR", "4.0": "FL FR FC BC", "5.0(side)": "FL FR FC SL SR", "5.1": "FL FR FC LFE BL BR",
            "6.1": "FL FR FC LFE BC SL SR", "7.1": "FL FR FC LFE BL BR SL SR"}
HZ = {name: 60 * (2 + number) if name != "LFE" else 60
      for number, name in enumerate(("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR", "BC"))}  # AAC's LFE holds only what is deep

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")


def run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done


def ffmpeg(*arguments):
    return run("ffmpeg", "-nostdin", "-v", "error", "-y", *arguments).stdout


def channels_of(path):
    said = run("ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=channels", "-of", "csv=p=0", path)
    return int(re.search(rb"\d+", said.stdout).group())


def decoded(path):
    """Frames × channels, by libavcodec."""
    raw = ffmpeg("-i", path, "-map", "0:a:0", "-ar", RATE_HZ, "-f", "f32le", "-")
    return np.frombuffer(raw, "<f4").reshape(-1, channels_of(path))


def decoded_by_gstreamer(path, demuxer, tmp_path):
    raw = tmp_path / "gst.raw"
    run("gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", demuxer, "!", "aacparse", "!", "faad", "!", "audioconvert", "!",
        "audio/x-raw,format=F32LE,layout=interleaved", "!", "filesink", f"location={raw}")
    return np.frombuffer(raw.read_bytes(), "<f4").reshape(-1, channels_of(path))


def loudspeakers(samples):
    """For each channel, the speakers whose tones it has."""
    piece = samples[RATE_HZ // 4:RATE_HZ // 4 + RATE_HZ]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))[:, None], axis=0))
    return ["+".join(name for name in HZ if spectrum[HZ[name], channel] > 300) for channel in range(samples.shape[1])]


def tones(folder, layout, suffix="wav"):
    """A file in which each loudspeaker has a tone of its own, with a picture if the suffix is of one."""
    path = folder / f"{layout}.{suffix}"
    each = "|".join(f"0.1*sin(2*PI*t*{HZ[name]})" for name in SPEAKERS[layout].split())
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=160x120:r=25:d={SECONDS}"] if suffix == "mov" else []
    codec = ["-c:v", "libx264" if picture else "copy", "-pix_fmt", "yuv420p"] if picture else []
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={each}:c={layout}:s={RATE_HZ}:d={SECONDS}", *picture, *codec, "-c:a", "pcm_s16le", path)
    return path


AAC = {"3.0": "FL FR FC", "quad": "FL FR BL BR", "4.0": "FL FR FC BC BC", "5.0(side)": "FL FR FC SL SR", "5.1": "FL FR FC LFE BL BR",
       "6.1": "FL FR FC LFE SL+BC SR+BC", "7.1": "FL FR FC LFE BL+SL BR+SR"}
WHOLE = {**AAC, "6.1": "FL FR FC LFE BC SL SR", "7.1": "FL FR FC LFE BL BR SL SR"}
ADTS = {**AAC, "quad": "FL FR - BL BR"}
STEREO = {"3.0": "FL+FC FR+FC", "quad": "FL+BL FR+BR", "4.0": "FL+FC+BC FR+FC+BC", "5.0(side)": "FL+FC+SL FR+FC+SR", "5.1": "FL+FC+BL FR+FC+BR",
          "6.1": "FL+FC+SL+BC FR+FC+SR+BC", "7.1": "FL+FC+BL+SL FR+FC+BR+SR"}
HELD = {"mp4": AAC, "mov": AAC, "m4a": AAC, "mkv": AAC, "ts": ADTS, "wav": WHOLE, "flac": WHOLE, "ogg": WHOLE, "opus": WHOLE,
        "mp3": STEREO, "flv": STEREO, "m3u8": STEREO}


def expected(table, layout):
    def in_order(names):
        return "+".join(name for name in HZ if name in names.split("+"))
    return [in_order(names) for names in table[layout].split()]


@pytest.mark.parametrize("layout", SPEAKERS)
@pytest.mark.parametrize("suffix", HELD)
def test_each_tone_comes_out_of_its_loudspeaker(tmp_path, layout, suffix):
    source, out = tones(tmp_path, layout, "mov" if suffix in ("ts", "flv", "m3u8") else "wav"), tmp_path / f"out.{suffix}"
    run(COPY, source, out)
    assert loudspeakers(decoded(out)) == expected(HELD[suffix], layout)


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.0(side)", "5.1"])
@pytest.mark.parametrize("suffix, demuxer", [("mp4", "qtdemux"), ("ts", "tsdemux"), ("mkv", "matroskademux")])
def test_another_decoder_finds_the_same_loudspeakers(tmp_path, layout, suffix, demuxer):
    """libfaad by GStreamer, which numbers loudspeakers in its own way."""
    source, out = tones(tmp_path, layout, "mov" if suffix == "ts" else "wav"), tmp_path / f"out.{suffix}"
    run(COPY, source, out)
    assert loudspeakers(decoded_by_gstreamer(out, demuxer, tmp_path)) == expected(HELD[suffix], layout)


@pytest.mark.parametrize("channels", [8, 9, 16, 24, 64])
def test_many_channels_are_bounded(tmp_path, channels):
    """As many as a microphone array has; all of them are heard."""
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    samples = np.zeros((RATE_HZ, channels), "<i2")
    samples[:, -1] = (3000 * np.sin(2 * np.pi * 300 * np.arange(RATE_HZ) / RATE_HZ)).astype("<i2")
    (tmp_path / "raw").write_bytes(samples.tobytes())
    ffmpeg("-f", "s16le", "-ar", RATE_HZ, "-ac", channels, "-i", tmp_path / "raw", source)
    run(COPY, source, out)
    heard = decoded(out)
    assert heard.shape[1] <= 8 and np.abs(heard).max() > 0.02


def loudness(path, *filters):
    said = subprocess.run(["ffmpeg", "-nostdin", "-i", path, "-map", "0:a:0", "-af", ",".join([*filters, "ebur128"]), "-f", "null", "-"],
                          capture_output=True, text=True, timeout=60).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


def speech():
    """Eighteen seconds of somebody who reads, at RATE_HZ."""
    return np.repeat(people.samples(people.people()["ps-sense"])[:people.RATE_HZ * 18], RATE_HZ // people.RATE_HZ)


def write(path, channels):
    """channels: {speaker of 5.1: samples}"""
    length = len(next(iter(channels.values())))
    samples = np.stack([channels.get(name, np.zeros(length)) for name in SPEAKERS["5.1"].split()], axis=1)
    raw = path.with_suffix(".raw")
    raw.write_bytes(np.clip(samples * 32767, -32768, 32767).astype("<i2").tobytes())
    ffmpeg("-f", "s16le", "-ar", RATE_HZ, "-ac", 6, "-channel_layout", "5.1", "-i", raw, path)
    return path


def sides(length, level):
    """Music in front and applause behind, different in each loudspeaker."""
    made = {"FL": sound.music(length / RATE_HZ, RATE_HZ), "BL": sound.applause(length / RATE_HZ, RATE_HZ)}
    made["FR"], made["BR"] = np.roll(made["FL"], RATE_HZ // 3), np.roll(made["BL"], RATE_HZ // 3)
    return {name: level * samples[:length] / np.sqrt(np.mean(samples ** 2)) for name, samples in made.items()}


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    folder, voice = tmp_path_factory.mktemp("surround"), speech()
    return {"centre": write(folder / "centre.wav", {"FC": voice}),
            "mix": write(folder / "mix.wav", {"FC": voice, **sides(len(voice), 0.02)}),
            "phantom": write(folder / "phantom.wav", {"FL": 0.7 * voice, "FR": 0.7 * voice, "BL": sides(len(voice), 0.01)["BL"]})}


MIX = "pan=stereo|FL=FL+0.7071*FC+0.7071*BL|FR=FR+0.7071*FC+0.7071*BR"  # ITU-R BS.775


def test_a_mix_keeps_the_loudness_of_speech(sources, tmp_path):
    centre, mix = tmp_path / "centre.mp3", tmp_path / "mix.mp3"
    run(COPY, sources["centre"], centre)
    run(COPY, sources["mix"], mix)
    assert channels_of(centre) == channels_of(mix) == 2
    assert loudness(centre) == pytest.approx(loudness(sources["centre"]), abs=0.5)
    assert loudness(mix) == pytest.approx(loudness(sources["mix"], MIX), abs=1.0)
    assert loudness(mix) == pytest.approx(loudness(sources["mix"]), abs=3.0)  # what is behind counts for more where it is behind


def level_db(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples ** 2)) + 1e-9)


@pytest.fixture(scope="session")
def dubbed(sources, tmp_path_factory):
    """{name: (input, output), frames × channels}"""
    folder = tmp_path_factory.mktemp("dubbed")
    found = {}
    for name, source in sources.items():
        out = folder / f"{name}.wav"
        assert Dub(*ENGINES, "--stems", folder / name, source, out).summary
        found[name] = decoded(source), decoded(out), out
    return found


def test_the_dub_is_in_the_centre_and_the_bed_is_untouched(dubbed):
    before, after, _ = dubbed["mix"]
    assert after.shape[1] == 6 and len(after) == len(before)
    for channel, name in enumerate(SPEAKERS["5.1"].split()):
        difference = np.abs(after[:, channel] - before[:, channel]).max()
        if name == "FC":
            assert difference > 0.05
        else:
            assert difference < 2 / 32768, name


def test_a_voice_that_is_not_in_the_centre_is_ducked_where_it_is(dubbed):
    before, after, _ = dubbed["phantom"]
    assert level_db(after[:, 0]) < level_db(before[:, 0]) - 6
    assert level_db(after[:, 2]) > -45 and level_db(before[:, 2]) < -80


@pytest.mark.parametrize("name", ["centre", "mix", "phantom"])
def test_stems_add_up_in_each_loudspeaker(dubbed, name):
    _, after, out = dubbed[name]
    bed, dub = (decoded(out.with_suffix("") / f"{stem}.wav") for stem in ("bed", "dub"))
    assert bed.shape == dub.shape == after.shape
    assert np.abs(bed + dub - after).max() <= 3 / 32768  # three times 16 bits
    assert np.abs(dub[:, 2]).max() > 0.05 and np.abs(np.delete(dub, 2, axis=1)).max() <= 1 / 32768
    probed = run("ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=channel_layout", out.with_suffix("") / "bed.wav")
    assert probed.stdout.decode().strip() == "5.1"


@pytest.mark.parametrize("name", ["centre", "mix", "phantom"])
def test_the_dub_is_as_loud_as_from_stereo(sources, dubbed, tmp_path, name):
    """Of the same source mixed to stereo first, and dubbed then."""
    stereo, out = tmp_path / "stereo.wav", tmp_path / "out.wav"
    ffmpeg("-i", sources[name], "-af", MIX, stereo)
    assert Dub(*ENGINES, stereo, out).summary
    assert loudness(dubbed[name][2], MIX) == pytest.approx(loudness(out), abs=1.0)
