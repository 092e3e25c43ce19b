"""Three independent containers on a bridge network, each started by `docker run`: media server, media-service, sts-service."""

import base64
import re
import time

import pytest
import requests

from e2e.helpers import docker, language, settings, stream_analyzer
from e2e.helpers.pipeline import broadcast
from e2e.helpers.socketio_monitor import has_audio
from e2e.helpers.stream_publisher import unique_name
from fixtures import clips, people
from support import ear, media, prometheus, wer
from support.net import wait_for
from support.process import run
from support.sts_worker import Worker, dubbed

needs_docker = (pytest.mark.containers, pytest.mark.timeout(600))
ENGINES = settings.load().engine_id
LIMIT_S = 180
ANSWER_S = 15  # for a fragment of 6 s
RESUMED_S = 15  # from a container's return until the dub is back


def containers_test(test):
    for mark in needs_docker:
        test = mark(test)
    return test


# ---- the clip ----

def test_fixture_properties(counting):
    """30 s of "one" to "thirty", H.264, AAC at 48 kHz."""
    assert counting == settings.ROOT / "tests/fixtures/test_streams/30s-english-counting.mp4"
    info = stream_analyzer.probe_file(counting)
    assert (info.video_codec, info.audio_codec, info.video_streams, info.audio_streams) == ("h264", "aac", 1, 1)
    assert int(media.stream(counting, "audio")["sample_rate"]) == 48000
    for kind in ("video", "audio"):
        assert media.duration_s(counting, kind) == pytest.approx(30, abs=0.1), kind
    said = clips.reference(counting)["sentences"]
    assert [s["text"].rstrip(".").lower() for s in said] == [n.replace("-", " ") for n in clips.speech.NUMBERS]


# ---- containers and their network ----

@containers_test
@pytest.mark.p1
def test_independent_containers_can_communicate(production_env):
    """Each was started by itself under its own name; they are healthy, and sts-service is reached by its name."""
    assert all(container.running for container in production_env.containers)
    assert "compose" not in "".join(production_env.media.inspect()["Config"]["Labels"])
    for url in (f"{production_env.media_url}/health", f"{production_env.sts_url}/health"):
        assert requests.get(url, timeout=5).status_code == 200, url
    assert production_env.media.inspect()["Config"]["Env"].count(f"STS_SERVICE_URL={production_env.settings.sts_service_url}") == 1
    assert connect_ms(production_env.media, production_env.settings.name["sts"], 3000) is not None


@containers_test
def test_media_service_is_told_names(production_env):
    """Neither localhost nor an address: container names."""
    told = dict(word.split("=", 1) for word in production_env.media.inspect()["Config"]["Env"])
    names = production_env.settings.name
    assert told["STS_SERVICE_URL"] == f"http://{names['sts']}:3000"
    if production_env.kind == "mediamtx":
        assert told["MEDIAMTX_RTMP_URL"] == f"rtmp://{names['mediamtx']}:1935"
    assert not [value for key, value in told.items() if key.endswith("_URL") and re.search(r"localhost|//[0-9.]+[:/]", value)]


@containers_test
@pytest.mark.p1
def test_docker_network_service_discovery(production_env):
    """All are on the bridge network; its DNS gives each name the right address; a connection takes under 5 ms."""
    net = docker.network(production_env.settings.network)
    assert net["Driver"] == "bridge" and net["Internal"] is False
    assert {c["Name"] for c in net["Containers"].values()} >= {c.name for c in production_env.containers}
    for container, port in ((production_env.sts, 3000), (production_env.media_server, 1935)):
        resolved = production_env.media.execute("getent", "hosts", container.name)
        assert resolved.stdout.split()[0] == container.address(), resolved
        assert min(connect_ms(production_env.media, container.name, port) for _ in range(5)) < 5


def connect_ms(container, host, port):
    """How long a TCP connection to it takes from inside the container; None when there is none."""
    script = f"a=$EPOCHREALTIME; exec 3<>/dev/tcp/{host}/{port} && echo $a $EPOCHREALTIME"
    done = container.execute("bash", "-c", script)
    times = done.stdout.split()
    return (float(times[1]) - float(times[0])) * 1000 if done.returncode == 0 and len(times) == 2 else None


@containers_test
def test_published_ports_answer_on_this_machine(production_env):
    ports = production_env.settings.ports
    published = {int(p["HostPort"]) for c in production_env.containers for p in sum(c.inspect()["HostConfig"]["PortBindings"].values(), [])}
    wanted = {"media", "sts", "rtmp", "api"} | ({"rtsp"} if production_env.kind == "mediamtx" else set())
    assert published >= {ports[name] for name in wanted}
    prometheus.check(production_env.media_url)
    prometheus.check(production_env.sts_url)


@containers_test
def test_containers_are_hardened(production_env):
    """As in production: no root, nothing written but /tmp."""
    for container in (production_env.media, production_env.sts):
        assert container.execute("id", "-u").stdout.strip() == "10001"
        assert container.execute("sh", "-c", "touch /here").returncode != 0
        assert container.inspect()["HostConfig"]["ReadonlyRootfs"] is True


# ---- publishing ----

@containers_test
def test_publish_fixture_to_mediamtx(production_env, publish_rtmp_stream, stream_name, counting):
    """The media server has the stream, with both tracks, and has it no more once the publisher is gone."""
    began = time.monotonic()
    publisher = publish_rtmp_stream(production_env, counting)
    assert time.monotonic() - began < 5  # MediaMTX looks at 2 s of it before it says ready
    path = f"{production_env.rtmp_url}/live/{stream_name}/in"
    info = stream_analyzer.probe_live(path)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    publisher.stop()
    wait_for(lambda: not production_env.has_path(f"live/{stream_name}/in"), 10, "the end of the stream")


def test_stream_names_are_unique():
    """Also for one test in one second; and they are stream ids."""
    names = {unique_name("test_publish[whisper tiny.en]") for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)


# ---- the whole pipeline ----

@pytest.fixture(scope="module", params=[ENGINES])
def counted(production_env, counting, tmp_path_factory):
    """The counting clip, broadcast once."""
    return broadcast(production_env, counting, unique_name("counting"), tmp_path_factory.mktemp("counted"), LIMIT_S)


@containers_test
@pytest.mark.p1
def test_full_pipeline_rtmp_to_dubbed_output(counted):
    """30 s in, 5 fragments dubbed by real engines, 30 s out, in sync, within 180 s."""
    assert counted.worker_s - counted.active_s <= 5
    assert counted.first_fragment_s < 6 + 5  # as soon as there are 6 s
    assert [answer["sequence_number"] for answer in counted.answers] == list(range(5))
    for answer in counted.answers:
        assert answer["status"] in ("success", "partial"), answer
        assert has_audio(answer) and answer["transcript"] and answer["translated_text"], answer
        assert answer["processing_time_ms"] < ANSWER_S * 1000
    assert (counted.live_info.video_codec, counted.live_info.audio_codec) == ("h264", "aac")
    for kind in ("video", "audio"):
        assert media.duration_s(counted.out, kind) == pytest.approx(30, abs=0.5), kind
    assert counted.metrics.segments == counted.metrics.processed() == 5
    assert counted.metrics.fallbacks == 0
    assert counted.worst_av_delta_ms < 120
    assert counted.total_s <= LIMIT_S


@containers_test
def test_counting_is_understood(counted):
    """The transcript against the numbers that are said, and their Spanish."""
    heard = " ".join(counted.texts("transcript"))
    errors = wer.word_errors(clips.reference_text(counted.clip), heard)
    assert errors.rate <= 0.2, heard
    assert counted.texts("translated_text") != counted.texts("transcript")


@pytest.fixture(scope="module", params=[ENGINES])
def commented(production_env, tmp_path_factory):
    """Half a minute of the commentary, which has a flash and a beep each 10 s."""
    return broadcast(production_env, clips.short(0, 30), unique_name("commentary"), tmp_path_factory.mktemp("commented"), LIMIT_S)


@containers_test
@pytest.mark.p1
def test_output_stream_quality_validation(commented):
    """Codecs and length, the words against the known text, another sound than the original's, in sync throughout, no flaw."""
    info = stream_analyzer.probe_file(commented.out)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert media.duration_s(commented.out) == pytest.approx(30, abs=0.5)
    assert len(commented.answers) == commented.expected and all(has_audio(answer) for answer in commented.answers)
    heard = " ".join(commented.texts("transcript"))
    assert wer.word_errors(clips.reference_text(clips.nfl(), 0, 30), heard).rate <= 0.2, heard
    assert min(stream_analyzer.fingerprint_distances_db(commented.clip, commented.out)) > 4
    assert stream_analyzer.pts_delta_ms(commented.out) < 120
    flashes = stream_analyzer.flash_deltas_ms(commented.out)
    assert len(flashes) == 3 and all(delta is not None and abs(delta) < 120 for delta in flashes), flashes
    assert media.decode_errors(commented.out) == ""


@containers_test
def test_output_speaks_spanish(commented):
    """An independent recogniser hears Spanish where English was said."""
    assert ear.hear(commented.out).language == "es"
    assert language.is_spanish(" ".join(commented.texts("translated_text")))


# ---- sts-service by itself ----

@containers_test
@pytest.mark.p1
@pytest.mark.parametrize("engines", [ENGINES])
def test_sts_real_processing_contract(production_env, engines, tmp_path):
    """A worker of the protocol's own schemas: six numbers in, their Spanish out, spoken, in 15 s."""
    sound = spoken("One, two, three, four, five, six.", tmp_path)
    with Worker(production_env.sts_url, "/sts", stream=unique_name("contract")) as worker:
        worker.init(config={"source_language": "en", "target_language": "es"}, timeout_ms=20000)
        worker.submit(0, sound)
        answer = worker.wait_for("fragment:processed")
        worker.end()
    assert answer["status"] == "success", answer
    assert wer.word_errors("one two three four five six", answer["transcript"]).rate == 0, answer["transcript"]
    assert wer.word_errors("uno dos tres cuatro cinco seis", answer["translated_text"], "es").rate == 0, answer["translated_text"]
    assert answer["processing_time_ms"] < ANSWER_S * 1000
    (tmp_path / "dub.m4a").write_bytes(dubbed(answer))
    heard = ear.hear(tmp_path / "dub.m4a", "es").text.replace(",", " ")  # "1,2,3" is no number
    assert wer.word_errors("uno dos tres cuatro cinco seis", heard, "es").rate <= 1 / 3, heard


def spoken(text, folder):
    """6 s of M4A, as media-service sends it."""
    assert run(["flite", "-voice", "rms", "-t", text, "-o", folder / "said.wav"]).returncode == 0
    media.ffmpeg("-i", folder / "said.wav", "-af", "adelay=500:all=1,aresample=48000,apad=whole_dur=6", "-ac", 2, "-t", 6, "-c:a", "aac",
                 folder / "said.m4a")
    return (folder / "said.m4a").read_bytes()


@containers_test
@pytest.mark.parametrize("engines", [ENGINES])
def test_sts_processes_real_english_audio(production_env, engines, tmp_path):
    """A real person's speech, in fragments of 6 s: answered in order, none twice, understood, translated, spoken."""
    person = people.people()["ps-sense"]
    pieces = fragments(people.clip(person, suffix="wav"), tmp_path, at_most=6)
    with Worker(production_env.sts_url, "/sts", stream=unique_name("person")) as worker:
        worker.init(config={"source_language": "en", "target_language": "es"}, timeout_ms=30000)
        for number, piece in enumerate(pieces):
            worker.wait(lambda number=number: number - len(worker.of("fragment:processed")) < 3, "a place among three in flight")
            worker.submit(number, piece)
        answers = worker.wait_for("fragment:processed", len(pieces))
        complete = worker.end()
    assert [answer["sequence_number"] for answer in answers] == list(range(len(pieces)))
    assert complete["total_fragments"] == len(pieces)
    heard = " ".join(answer["transcript"] for answer in answers)
    said = people.people()["ps-sense"].text.split()
    assert wer.word_errors(" ".join(said[:len(heard.split())]), heard).rate <= 0.3, heard  # cut without regard to words
    assert language.is_spanish(" ".join(answer["translated_text"] for answer in answers))
    assert all(base64.b64decode(answer["dubbed_audio"]["data_base64"]) for answer in answers)
    assert all(answer["processing_time_ms"] < ANSWER_S * 1000 for answer in answers)


def fragments(clip, folder, at_most):
    """The clip's sound in M4A files of 6 s, as bytes."""
    media.ffmpeg("-i", clip, "-ar", 48000, "-ac", 2, "-c:a", "pcm_s16le", "-f", "segment", "-segment_time", 6, folder / "piece-%02d.wav")
    pieces = sorted(folder.glob("piece-*.wav"))[:at_most]
    for piece in pieces:
        media.ffmpeg("-i", piece, "-c:a", "aac", piece.with_suffix(".m4a"))
    return [piece.with_suffix(".m4a").read_bytes() for piece in pieces]


# ---- containers that stop and come back ----

def dubbed_beyond(environment, stream, count):
    return environment.count(stream, "dubbed") > count


@containers_test
def test_sts_service_stops_alone(echo_env, publish_rtmp_stream, stream_name, short):
    """The others run on; media-service plays the original, and says that it tries again."""
    publish_rtmp_stream(echo_env, short, loop=-1)
    wait_for(lambda: dubbed_beyond(echo_env, stream_name, 0), 40, "a dubbed fragment")
    echo_env.sts.stop()
    try:
        assert all(c.running for c in echo_env.containers if c is not echo_env.sts)
        wait_for(lambda: echo_env.count(stream_name, "fallback") > 0, 30, "a fragment in the original")
        echo_env.media.wait_for_line(r"speech link lost", 10)
        assert requests.get(f"{echo_env.media_url}/health", timeout=5).status_code == 200
    finally:
        echo_env.sts.start_again()
        echo_env.wait_healthy()


@containers_test
@pytest.mark.parametrize("which", ["sts-service", "media-service", "media-server"])
def test_container_restart_recovery(echo_env, which, publish_rtmp_stream, stream_name, short):
    """`docker restart` under a running stream: the dub is back within 15 s of the container's return, and goes on counting."""
    container = {"sts-service": echo_env.sts, "media-service": echo_env.media, "media-server": echo_env.media_server}[which]
    publish_rtmp_stream(echo_env, short, loop=-1)
    wait_for(lambda: dubbed_beyond(echo_env, stream_name, 1), 40, "two dubbed fragments")
    before = echo_env.count(stream_name, "dubbed")
    others = [c for c in echo_env.containers if c is not container]
    restarted_at = time.time()
    container.restart()
    assert all(c.running for c in others), "one container's restart has stopped another"
    echo_env.wait_healthy()
    back = time.monotonic()
    if container is echo_env.media_server:  # the encoder comes back, too
        publish_rtmp_stream(echo_env, short, loop=-1)
    counts_anew = container is echo_env.media
    wait_for(lambda: dubbed_beyond(echo_env, stream_name, 0 if counts_anew else before), 60, "a dubbed fragment after the restart")
    assert time.monotonic() - back < RESUMED_S + (10 if container is echo_env.media_server else 0)
    if which == "media-service" and echo_env.kind == "mediamtx":
        container.wait_for_line(rf"{stream_name}.*goes on at fragment \d+", 10, since=restarted_at)


@containers_test
def test_media_service_stops_alone(production_env):
    """sts-service and the media server run on without it."""
    production_env.media.stop()
    try:
        assert all(c.running for c in production_env.containers if c is not production_env.media)
        assert requests.get(f"{production_env.sts_url}/health", timeout=5).status_code == 200
    finally:
        production_env.media.start_again()
        production_env.wait_healthy()


@containers_test
@pytest.mark.p1
def test_docker_stop_is_graceful(echo_env, publish_rtmp_stream, stream_name, short):
    """Under a running stream each of our containers ends within 10 s with status 0. The last test on these containers."""
    publish_rtmp_stream(echo_env, short, loop=-1)
    wait_for(lambda: dubbed_beyond(echo_env, stream_name, 0), 60, "a dubbed fragment")
    for container in (echo_env.media, echo_env.sts):
        status, seconds = container.stop()
        assert status == 0 and seconds < docker.STOP_S, (container.name, status, seconds, container.logs(tail=20))
    for container in (echo_env.sts, echo_env.media):
        container.start_again()
    echo_env.wait_healthy()
