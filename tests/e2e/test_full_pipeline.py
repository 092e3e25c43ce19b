"""media-service and sts-service as two compose projects, as in production: a minute of commentary goes in, its dub comes out.

One broadcast serves most of the tests. The engines are real ones; the tests' parameter names them."""

import dataclasses
import re

import pytest
import requests

from e2e.helpers import docker, language, settings, stream_analyzer
from e2e.helpers.docker_compose_manager import DockerComposeManager, DualComposeManager, e2e_file
from e2e.helpers.pipeline import SEGMENT_S, broadcast
from e2e.helpers.settings import COMPOSE
from e2e.helpers.socketio_monitor import has_audio
from e2e.helpers.stream_publisher import unique_name
from fixtures import clips
from support import ear, media, wer
from support.net import accepts

CONTAINERS = [pytest.mark.containers, pytest.mark.timeout(600)]
ENGINES = settings.load().engine_id
LIMIT_S = 300


def needs_docker(test):
    """Marks for what needs Docker; the files of this module are looked at without."""
    for mark in CONTAINERS:
        test = mark(test)
    return test


# ---- what has to be there ----

@pytest.mark.parametrize("service", COMPOSE)
def test_docker_compose_files_exist(service):
    """For both services, beside their programs: what runs in production, and what is different in tests."""
    assert COMPOSE[service].is_file()
    assert e2e_file(service).is_file()


def test_test_fixture_exists(nfl):
    """60 s, H.264 and AAC at 44.1 kHz, where it is expected."""
    assert nfl == settings.ROOT / "tests/e2e/fixtures/test-streams/1-min-nfl.mp4"
    info = stream_analyzer.probe_file(nfl)
    assert (info.video_codec, info.audio_codec, info.video_streams, info.audio_streams) == ("h264", "aac", 1, 1)
    assert int(media.stream(nfl, "audio")["sample_rate"]) == 44100
    for kind in ("video", "audio"):
        assert media.duration_s(nfl, kind) == pytest.approx(60, abs=1), kind


# ---- two compose projects ----

@needs_docker
@pytest.mark.p1
def test_both_compositions_are_healthy(dual_compose_env):
    """sts-service came up first; both answer on this machine's ports."""
    assert dual_compose_env.started == ["sts", "media"]
    ports = dual_compose_env.settings.ports
    for url in (f"http://localhost:{ports['media']}/health", f"http://localhost:{ports['sts']}/health"):
        assert requests.get(url, timeout=5).status_code == 200, url
    for url in (f"http://localhost:{ports['media']}/metrics", f"http://localhost:{ports['sts']}/metrics"):
        assert requests.get(url, timeout=5).text.startswith("# "), url


@needs_docker
def test_compositions_publish_their_ports(dual_compose_env):
    """Those that are told: RTMP and media-service, sts-service; MediaMTX's control API too."""
    ports = dual_compose_env.settings.ports
    wanted = ["rtmp", "api", "media", "sts"] + (["rtsp"] if dual_compose_env.kind == "mediamtx" else [])
    assert [name for name in wanted if not accepts(ports[name])] == []


@needs_docker
def test_publish_test_fixture_is_seen(publish_test_fixture, dual_compose_env, stream_name):
    """The minute of commentary is in the media server while its publisher runs."""
    publisher = publish_test_fixture()
    assert publisher.running and dual_compose_env.has_path(f"live/{stream_name}/in")


@needs_docker
def test_taken_port_is_told(containers, dual_compose_env, tmp_path):
    """A second pair of projects on the same ports is refused before anything is started, with the variable to set."""
    second = DualComposeManager(dataclasses.replace(containers.settings, suffix="-second"), containers.kind, tmp_path)
    with pytest.raises(docker.PortConflict, match="MEDIAMTX_RTMP_PORT"):
        second.start_all()
    assert second.started == []
    assert requests.get(f"{dual_compose_env.media_url}/health", timeout=5).status_code == 200


# ---- the whole pipeline ----

@pytest.fixture(scope="module", params=[ENGINES])
def full_pipeline(dual_compose_env, nfl, tmp_path_factory):
    """The minute of commentary, broadcast once."""
    return broadcast(dual_compose_env, nfl, unique_name("full_pipeline"), tmp_path_factory.mktemp("full-pipeline"), LIMIT_S)


@needs_docker
@pytest.mark.p1
def test_full_pipeline_media_to_sts_to_output(full_pipeline):
    """60 s in, 10 fragments dubbed by real engines, 60 s out, in sync, within 300 s."""
    got = full_pipeline
    assert got.active_s <= 10 and got.worker_s <= got.active_s + 10
    assert [answer["sequence_number"] for answer in got.answers] == list(range(10))
    for answer in got.answers:
        assert answer["status"] in ("success", "partial"), answer
        assert has_audio(answer) and answer["transcript"] and answer["translated_text"], answer
    assert (got.live_info.video_codec, got.live_info.audio_codec) == ("h264", "aac")
    assert (got.live_info.video_streams, got.live_info.audio_streams) == (1, 1)
    for kind in ("video", "audio"):
        assert media.duration_s(got.out, kind) == pytest.approx(60, abs=1), kind
    assert got.metrics.segments == got.metrics.processed() == 10
    assert got.worst_av_delta_ms < 120
    assert got.total_s <= LIMIT_S


@needs_docker
def test_media_service_connects_within_5_s(full_pipeline):
    """From the moment at which the media server has the stream until sts-service has its stream:init."""
    assert full_pipeline.connected_s < 5
    assert full_pipeline.events["stream:ready"]


@needs_docker
def test_every_fragment_reaches_sts_service(full_pipeline):
    sent = full_pipeline.events["fragment:data"]
    assert [f["sequence_number"] for f in sent] == list(range(full_pipeline.expected))
    assert [f["fragment_id"] for f in sent] == [a["fragment_id"] for a in full_pipeline.answers]


@needs_docker
def test_transcripts_are_what_is_said(full_pipeline):
    """English, and the clip's own words."""
    heard = " ".join(full_pipeline.texts("transcript"))
    assert language.is_english(heard), heard
    assert wer.word_errors(clips.reference_text(full_pipeline.clip), heard).rate <= 0.15, heard


@needs_docker
def test_translations_are_spanish(full_pipeline):
    texts = full_pipeline.texts("translated_text")
    assert language.is_spanish(" ".join(texts)), texts
    assert all(text != transcript for text, transcript in zip(texts, full_pipeline.texts("transcript"), strict=True))


@needs_docker
def test_engines_are_real(full_pipeline, dual_compose_env):
    """Each answer names the engines that made it: those that were asked for, no mock and no echo."""
    wanted = dual_compose_env.settings.engines
    voices = wanted["TTS_PROVIDER"].split(",")
    for answer in full_pipeline.answers:
        named = answer["metadata"]
        assert wanted["ASR_PROVIDER"] in named["asr_model"], named
        assert wanted["TRANSLATION_PROVIDER"] in named["translation_model"], named
        assert any(voice in named["tts_model"] for voice in voices), named
    by_first = sum(voices[0] in answer["metadata"]["tts_model"] for answer in full_pipeline.answers)
    print(f"{by_first} of {len(full_pipeline.answers)} spoken by {voices[0]}")
    assert by_first >= 1


@needs_docker
def test_metrics_tell_what_happened(full_pipeline):
    got = full_pipeline.metrics
    assert got.sent == got.processed() == got.latencies == 10
    assert got.fallbacks == 0
    assert got.value("errors_total") == got.value("circuit_breaker_failures_total") == 0


@needs_docker
def test_dub_is_heard(full_pipeline):
    """Another sound than the original's in each 6 s, and a voice in it, which an independent recogniser takes for Spanish."""
    distances = stream_analyzer.fingerprint_distances_db(full_pipeline.clip, full_pipeline.out)
    assert len(distances) == 60 // SEGMENT_S and min(distances) > 4, distances
    assert min(stream_analyzer.voiced_shares(full_pipeline.out)) > 0.3
    assert ear.hear(full_pipeline.out).language == "es"


@needs_docker
def test_output_is_in_sync(full_pipeline):
    """By its timestamps, and by the clip's flashes against its beeps."""
    assert stream_analyzer.pts_delta_ms(full_pipeline.out) < 120
    flashes = stream_analyzer.flash_deltas_ms(full_pipeline.out)
    assert len(flashes) == 6
    assert all(delta is not None and abs(delta) < 120 for delta in flashes), flashes


# ---- its end ----

@needs_docker
def test_compose_reads_both_files(dual_compose_env):
    """What tests run, and what production runs."""
    for manager, service in ((dual_compose_env.media, "media-service"), (dual_compose_env.sts, "sts-service")):
        assert re.search(rf"^ +{service}(-builtin)?:", manager.config(), re.M)
        assert re.search(rf"^ +{service}:", DockerComposeManager("e2e-read", COMPOSE[service], {}).config(), re.M)


@needs_docker
@pytest.mark.parametrize("text, error", [(None, FileNotFoundError), ("services: [", docker.DockerError)], ids=["missing", "invalid"])
def test_compose_file_missing_or_invalid(text, error, containers, tmp_path):
    """It is an error that names the file, before anything is started."""
    file = tmp_path / "docker-compose.yml"
    if text:
        file.write_text(text)
    with pytest.raises(error, match="docker-compose.yml"):
        DockerComposeManager("e2e-broken", file, {}).up("anything")


@needs_docker
@pytest.mark.p1
def test_stop_all_leaves_nothing(dual_compose_env, tmp_path):
    """Containers, networks and volumes are gone; the logs had been kept. The last test of this module."""
    paths = dual_compose_env.save_logs(tmp_path, "before")
    assert all(path.read_text() for path in paths)
    dual_compose_env.stop_all()
    for kind in docker.KINDS:
        assert docker.labelled(kind, dual_compose_env.settings.run) == [], kind
