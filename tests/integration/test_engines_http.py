"""Engines on other machines: each driver against a server of its API, which answers as published, and in every way in which
one should not."""

import shutil
import ssl
import subprocess
import time

import pytest

from support.engine_run import EngineRun
from support.fake_apy import FakeApy
from support.fake_deepl import FakeDeepL
from support.fake_elevenlabs import FakeElevenLabs
from support.fake_libretranslate import FakeLibreTranslate
from support.fake_openai import FakeOpenAi, tone, wav

KEY = "sk-Proj4711-nobody-sees-this:fx"
DEADLINE_MS = 900
CANCEL_MOST_MS = 300


class Driver:
    """How one driver is called, and which settings it has."""

    def __init__(self, stage, name, fake, prefix, key_setting, arguments, repeats=1):
        self.stage, self.name, self.fake, self.prefix, self.key_setting = stage, name, fake, prefix, key_setting
        self.arguments, self.repeats = arguments, repeats

    def env(self, server, **more):
        return {f"{self.prefix}_URL": server.url, self.key_setting: KEY, **more}

    def run(self, server, *arguments, env=None, **more):
        return EngineRun(self.stage, self.name, *self.arguments, *arguments, env={**self.env(server), **(env or {})}, **more)

    def list(self, server, *arguments):
        return EngineRun(self.stage, self.name, "--list", *arguments, env=self.env(server))


TEXT = ["--text", "Good evening."]
SPEECH = ["--text", "Buenas noches."]
DRIVERS = {
    "asr-openai": Driver("asr", "openai", FakeOpenAi, "ASR_OPENAI", "ASR_OPENAI_KEY", ["--wav", "@speech"], repeats=2),
    "deepl": Driver("mt", "deepl", FakeDeepL, "DEEPL", "DEEPL_AUTH_KEY", TEXT),
    "libretranslate": Driver("mt", "libretranslate", FakeLibreTranslate, "LIBRETRANSLATE", "LIBRETRANSLATE_KEY", TEXT),
    "mt-openai": Driver("mt", "openai", FakeOpenAi, "MT_OPENAI", "MT_OPENAI_KEY", TEXT),
    "apertium-apy": Driver("mt", "apertium-apy", FakeApy, "APERTIUM_APY", "APERTIUM_APY_KEY", TEXT),
    "tts-openai": Driver("tts", "openai", FakeOpenAi, "TTS_OPENAI", "TTS_OPENAI_KEY", SPEECH),
    "elevenlabs": Driver("tts", "elevenlabs", FakeElevenLabs, "ELEVENLABS", "ELEVENLABS_API_KEY",
                         [*SPEECH, "--voice", "21m00Tcm4TlvDq8ikWAM"]),
}


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A file in which somebody speaks: what has no voice is not sent at all."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", "Good evening, and welcome to the game.", "-o", path], check=True)
    return path


@pytest.fixture(params=DRIVERS)
def driver(request, speech):
    chosen = DRIVERS[request.param]
    return Driver(chosen.stage, chosen.name, chosen.fake, chosen.prefix, chosen.key_setting,
                  [str(speech) if word == "@speech" else word for word in chosen.arguments], chosen.repeats)


@pytest.fixture
def server(driver):
    with driver.fake(KEY) as running:
        yield running


# ---- every driver: a server that behaves ----

def test_works_and_keeps_its_connection(driver, server):
    run = driver.run(server, "--times", 3, "--threads")
    assert [line["ok"] for line in run.lines] == [True] * 3, run.printed
    assert len(server.asked) == 3 and server.connections == 1
    reply = run.reply
    assert reply["text"] if driver.stage != "tts" else reply["sound_ms"] > 100
    assert reply["usage"]["cost_micros"] == 0
    assert reply["usage"]["characters" if driver.stage != "asr" else "audio_ms"] > 0


def test_lists_what_there_is(driver, server):
    offers = driver.list(server).offers
    assert offers and all(offer["language"] for offer in offers)


def test_a_list_that_does_not_come_is_not_waited_for():
    driver = DRIVERS["elevenlabs"]
    with FakeElevenLabs(KEY) as server:
        server.fault("slow_head")
        began = time.monotonic()
        assert driver.list(server).code == "TIMEOUT"
        assert 9 < time.monotonic() - began < 15


def test_is_silent_without_settings(driver):
    listed = EngineRun(driver.stage, driver.name, "--list")
    assert listed.offers == []
    run = EngineRun(driver.stage, driver.name, *driver.arguments)
    assert run.code == "ENGINE" and f"set {driver.prefix}" in run.error["message"]


def test_key_from_a_file(driver, server, tmp_path):
    (tmp_path / "key").write_text(KEY + "\n")
    run = driver.run(server, env={driver.key_setting: "", driver.key_setting + "_FILE": tmp_path / "key"})
    assert run.reply["ok"]


def test_wrong_key(driver, server):
    run = driver.run(server, env={driver.key_setting: "somebody-elses"})
    if driver.fake is FakeApy:
        assert run.reply["ok"], "APy lets everybody in: a key only counts who asked"
        return
    assert run.code == "AUTH" and f"check {driver.key_setting}" in run.error["message"]
    assert "somebody" not in run.printed


# ---- every driver: every error ----

LONG_BODY = b"x" * 100_000
STATUSES = [
    # status, body, headers, code, requests made (None: one, or what the driver tries instead)
    (400, None, {}, "INVALID_ARGUMENT", None),
    (401, None, {}, "AUTH", 1),
    (403, b"<html>no</html>", {"Content-Type": "text/html"}, "AUTH", 1),
    (404, None, {}, "NOT_FOUND", 1),
    (413, None, {}, "INVALID_ARGUMENT", None),
    (422, None, {}, "INVALID_ARGUMENT", None),
    (429, None, {}, "BACKPRESSURE", 1),
    (429, None, {"Retry-After": "120"}, "BACKPRESSURE", 1),
    (429, None, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, "BACKPRESSURE", 1),
    (456, None, {}, "NO_SPACE", 1),
    (500, LONG_BODY, {}, "ENGINE", 2),
    (502, None, {}, "NETWORK", 1),
    (503, None, {}, "NETWORK", 2),
    (503, None, {"Retry-After": "120"}, "BACKPRESSURE", 1),
    (504, None, {}, "NETWORK", 1),
    (529, None, {}, "BACKPRESSURE", 1),
]


@pytest.mark.parametrize("status,body,headers,code,requests", STATUSES,
                         ids=[f"{row[0]}{'-wait' if 'Retry-After' in row[2] else ''}{i}" for i, row in enumerate(STATUSES)])
def test_status(driver, server, status, body, headers, code, requests):
    answer = (status, server.error(status, "because\nof this") if body is None else body, headers)
    server.fault(*[answer] * 4)
    run = driver.run(server, "--deadline-ms", DEADLINE_MS)
    assert run.code == code, run.printed
    message = run.error["message"]
    assert message.startswith(driver.name + ": ") and len(message) < 700 and message.isprintable()
    assert f"({status}" in message
    if body is None:
        assert '"because\\nof this"' in message
    if headers.get("Retry-After") == "120":
        assert "pause of 120.0 s" in message
    assert len(server.asked) == (requests or driver.repeats)


@pytest.mark.parametrize("answer", [(429, b"", {"Retry-After": "0.3"}), (500, b""), (503, b"")], ids=["429", "500", "503"])
def test_works_at_the_second_try(driver, server, answer):
    server.fault(answer)
    run = driver.run(server, "--deadline-ms", 5000)
    assert run.reply["took_ms"] > (300 if answer[0] == 429 else 0)
    assert len(server.asked) == 2


@pytest.mark.parametrize("fault,code", [("slow_head", "TIMEOUT"), ("slow_body", "TIMEOUT"), ("endless", "ENGINE"),
                                        ("huge", "ENGINE"), ("cut", "NETWORK"), ("cut_in_body", "NETWORK"),
                                        ("wrong_type", "ENGINE"), ("broken", "ENGINE"), ("wrong_shape", "ENGINE"),
                                        ("error_under_200", "ENGINE")])
def test_fault(driver, server, fault, code):
    server.fault(fault)
    run = driver.run(server, "--deadline-ms", DEADLINE_MS)
    assert run.code == code, run.printed
    assert run.error["message"].startswith(driver.name + ": ")
    assert run.error["took_ms"] < DEADLINE_MS + CANCEL_MOST_MS
    assert len(server.asked) == 1
    assert driver.run(server).reply["ok"], "and the next one works"


@pytest.mark.alone
@pytest.mark.parametrize("fault", ["slow_head", "slow_body"])
def test_cancel_frees_it_at_once(driver, server, fault):
    server.fault(fault)
    run = driver.run(server, "--cancel-ms", 400)
    assert run.code == "CANCELLED"
    assert run.error["since_cancel_ms"] < CANCEL_MOST_MS


def test_one_engine_goes_on_after_faults(driver, server):
    server.fault("cut", "none", "slow_body", "none", "broken", "none")
    run = driver.run(server, "--times", 6, "--deadline-ms", 800)
    assert [line["ok"] for line in run.lines] == [False, True] * 3, run.printed


@pytest.mark.parametrize("fault", ["echo_key", "echo_key_in_text", "echo_key_in_json", "echo_key_in_type"])
def test_no_key_is_seen(driver, server, fault):
    server.fault(*[fault] * 3)
    run = driver.run(server, "--debug")
    assert run.status == 1
    for shown in (KEY, KEY.lower(), KEY[:8], KEY[-8:], KEY[8:20]):
        assert shown not in run.printed


def test_no_key_is_logged(driver, server):
    run = driver.run(server, "--debug", "--times", 2)
    assert run.reply["ok"] and "DEBUG" in run.printed
    assert KEY not in run.printed and KEY[:8] not in run.printed


def test_redirect_takes_no_key_along(driver, server):
    with driver.fake(KEY) as elsewhere:
        server.fault((307, b"", {"Location": elsewhere.url + "/v1/x?key=" + KEY}))
        run = driver.run(server)
        assert run.code == "ENGINE" and f"sends us to {elsewhere.url} (307)" in run.error["message"]
        assert KEY not in run.printed and elsewhere.asked == []


def test_nobody_is_there(driver):
    with driver.fake(KEY) as server:
        gone = server
    run = driver.run(gone)
    assert run.code == "NETWORK" and "no connection to http://127.0.0.1" in run.error["message"]
    assert EngineRun(driver.stage, driver.name, "--list", env=driver.env(gone)).code == "NETWORK"


def test_settings_are_checked(driver):
    run = EngineRun(driver.stage, driver.name, *driver.arguments, env={f"{driver.prefix}_URL": f"host/?key={KEY}"})
    assert run.code == "INVALID_ARGUMENT" and run.error["message"].startswith(f"{driver.prefix}_URL: ")
    run = EngineRun(driver.stage, driver.name, *driver.arguments, env={driver.key_setting: KEY + " two"})
    assert run.code == "INVALID_ARGUMENT" and KEY not in run.printed


def test_the_environments_proxy_is_not_used(driver, server):
    nowhere = {name: "http://127.0.0.1:1" for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
    assert driver.run(server, env=nowhere).reply["ok"]
    run = driver.run(server, env={f"{driver.prefix}_PROXY": "http://127.0.0.1:1"})
    assert run.code == "NETWORK", "its own setting is"


# ---- TLS ----

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of a server called 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def tls_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_tls_is_checked(certificate):
    driver = DRIVERS["deepl"]
    with FakeDeepL(KEY, ssl_context=tls_context(certificate)) as server:
        run = driver.run(server)
        assert run.code == "NETWORK" and "is not trusted" in run.error["message"] and "DEEPL_CA_FILE" in run.error["message"]
        assert server.asked == []
        assert driver.run(server, env={"DEEPL_CA_FILE": certificate[0]}).reply["ok"]
        wrong_name = driver.run(server, env={"DEEPL_CA_FILE": certificate[0], "DEEPL_URL": server.url.replace("127.0.0.1", "localhost")})
        assert wrong_name.code == "NETWORK" and "is not trusted" in wrong_name.error["message"]
        assert len(server.asked) == 1
        missing = driver.run(server, env={"DEEPL_CA_FILE": "/nowhere.pem"})
        assert missing.code == "NETWORK" and "DEEPL_CA_FILE" in missing.error["message"]


def test_key_in_the_clear_is_told():
    run = EngineRun("mt", "deepl", "--text", "x", "--deadline-ms", "200",
                    env={"DEEPL_URL": "http://192.0.2.1", "DEEPL_AUTH_KEY": KEY})
    assert "the key goes to http://192.0.2.1 unencrypted" in run.printed and KEY not in run.printed


# ---- recognition: OpenAI's API ----

@pytest.fixture
def asr(speech):
    driver = DRIVERS["asr-openai"]
    return Driver(driver.stage, driver.name, driver.fake, driver.prefix, driver.key_setting, ["--wav", speech])


def test_asr_segments(asr):
    with FakeOpenAi(KEY) as server:
        reply = asr.run(server, "--terms", "snap, down, tight end").reply
        assert reply["text"] == "Good evening. Welcome to the game." and reply["model"] == "whisper-1"
        assert [(s["text"], s["start_ms"], s["end_ms"]) for s in reply["segments"]] == [
            ("Good evening.", 0, 1200), ("Welcome to the game.", 1200, 2400)]
        assert reply["segments"][0]["confidence"] == pytest.approx(0.905, abs=0.001)
        form = server.last.form
        assert form["language"] == b"en" and form["prompt"] == b"snap, down, tight end" and form["temperature"] == b"0"
        assert form["response_format"] == b"verbose_json" and form["model"] == b"whisper-1"


def test_asr_without_segments(asr):
    """What refuses verbose_json is asked for plain JSON, and from then on at once."""
    with FakeOpenAi(KEY, segments=False) as server:
        run = asr.run(server, "--times", 2, env={"ASR_OPENAI_MODEL": "gpt-4o-transcribe"})
        assert run.reply["text"] == "Good evening. Welcome to the game." and run.reply["segments"] == []
        assert [asked.form["response_format"] for asked in server.asked] == [b"verbose_json", b"json", b"json"]
        assert "prompt" not in server.last.form


def test_asr_long_prompt(asr):
    with FakeOpenAi(KEY) as server:
        assert asr.run(server, "--terms", ", ".join(f"term{i:03}" for i in range(300))).reply["ok"]
        prompt = server.last.form["prompt"].decode()
        assert 700 < len(prompt) <= 800 and prompt.startswith("term000, ") and prompt.split(", ")[-1].startswith("term")


def test_asr_whispers_own_server(asr):
    with FakeOpenAi(None) as server:
        env = {"ASR_OPENAI_PATH": "/inference", "ASR_OPENAI_KEY": ""}
        assert asr.run(server, env=env).reply["segments"]
        assert server.last.path == "/inference" and "authorization" not in server.last.headers


def test_asr_version_in_the_url(asr):
    with FakeOpenAi(KEY) as server:
        assert asr.run(server, env={"ASR_OPENAI_URL": server.url + "/v1/"}).reply["ok"]


def test_asr_invents_nothing(asr, tmp_path):
    heard = [(0.0, 1.0, " you", -0.8, 0.94), (1.0, 2.0, " [Music]", -0.2, 0.1), (2.0, 2.4, " (applause) Goal!", -0.2, 0.1)]
    with FakeOpenAi(KEY, heard=heard) as server:
        assert asr.run(server).reply["text"] == "Goal!"
        (tmp_path / "silence.wav").write_bytes(wav(bytes(2 * 16000 * 3), 16000))
        silent = EngineRun("asr", "openai", "--wav", tmp_path / "silence.wav", env=asr.env(server))
        assert silent.reply["text"] == "" and len(server.asked) == 1, "and silence is not sent"


# ---- translation ----

def test_deepl_request():
    with FakeDeepL(KEY) as server:
        run = DRIVERS["deepl"].run(server, "--context", "What an evening!", "--to", "pt")
        assert run.reply["text"] == "[PT-PT] Good evening."
        assert server.last.json == {"text": ["Good evening."], "source_lang": "EN", "target_lang": "PT-PT",
                                    "context": "What an evening!"}
        assert DRIVERS["deepl"].run(server, "--to", "sv").code == "INVALID_ARGUMENT"


def test_deepl_long_context():
    with FakeDeepL(KEY) as server:
        assert DRIVERS["deepl"].run(server, "--context", "ä" * 3000).reply["ok"]
        assert server.last.json["context"] == "ä" * 500


def test_deepl_free_keys_have_a_server_of_their_own():
    """No such server is there to be asked: which one it would be is told by the error."""
    nowhere = {"DEEPL_PROXY": "http://127.0.0.1:1"}
    free = EngineRun("mt", "deepl", *TEXT, env={**nowhere, "DEEPL_AUTH_KEY": "4711-0815:fx"})
    paid = EngineRun("mt", "deepl", *TEXT, env={**nowhere, "DEEPL_AUTH_KEY": "4711-0815"})
    assert "https://api-free.deepl.com" in free.error["message"]
    assert "https://api.deepl.com" in paid.error["message"]


def test_deepl_pairs():
    with FakeDeepL(KEY) as server:
        offers = DRIVERS["deepl"].list(server, "--from", "en").offers
        assert {(o["language"], o["target"]) for o in offers} == {("en", to) for to in ("de", "es", "fr", "it", "pt", "zh")}


def test_libretranslate_request():
    with FakeLibreTranslate(None) as server:
        run = EngineRun("mt", "libretranslate", *TEXT, env={"LIBRETRANSLATE_URL": server.url})
        assert run.reply["text"] == "[es] Good evening."
        assert server.last.json == {"q": "Good evening.", "source": "en", "target": "es", "format": "text"}


def test_libretranslate_offers_chinese_as_zh():
    driver = DRIVERS["libretranslate"]
    with FakeLibreTranslate(KEY) as server:
        assert driver.list(server, "--from", "en", "--to", "zh").offers
        assert driver.run(server, "--to", "zh").reply["text"] == "[zh] Good evening."


def test_openai_chat_request(tmp_path):
    (tmp_path / "terms.tsv").write_text("quarterback\tmariscal de campo\tm\n")
    said = "The quarterback has 2 seconds."
    with FakeOpenAi(KEY, translations={said: " \"El mariscal de campo tiene 2 segundos.\" "}) as server:
        server.usage["cost"] = 0.0000123
        reply = EngineRun("mt", "openai", "--text", said, "--context", "It is third down.", "--glossary", tmp_path / "terms.tsv",
                          env={**DRIVERS["mt-openai"].env(server), "MT_OPENAI_MODEL": "small",
                               "MT_OPENAI_OPTIONS": '{"cache_prompt": true, "seed": 7}'}).reply
        assert reply["text"] == "El mariscal de campo tiene 2 segundos." and reply["model"] == "small"
        assert reply["usage"]["cost_micros"] == 12
        body = server.last.json
        assert (body["model"], body["temperature"], body["stop"], body["cache_prompt"], body["seed"]) == ("small", 0, ["\n"], True, 7)
        assert body["max_tokens"] < 200 and len(body["messages"]) == 10
        assert body["messages"][-1]["content"] == ("Terms: quarterback = mariscal de campo\nBefore: It is third down.\n"
                                                   f"Sentence: {said}")


def test_openai_chat_model_that_refuses_parameters():
    with FakeOpenAi(KEY, strict=True) as server:
        run = DRIVERS["mt-openai"].run(server, "--times", 2)
        assert run.reply["text"] == "Buenas noches."
        assert len(server.asked) == 5, "three refusals, then none any more"
        assert set(server.last.json) == {"messages", "max_completion_tokens"}


@pytest.mark.parametrize("said,answer,problem", [
    ("He has 12 points.", "Tiene once puntos.", "the number 12 is gone"),
    ("It is on Monday.", "Es el martes.", "Monday is gone"),
    ("He hit the post.", "He hit the post.", '"the" is not translated'),
    ("Goal!", "Claro, aquí está la traducción: ¡Gol!", "it is too long"),
    ("Goal!", "", "there are no words in it"),
])
def test_openai_chat_is_not_believed_blindly(said, answer, problem):
    with FakeOpenAi(KEY, translations={said: answer}) as server:
        run = EngineRun("mt", "openai", "--text", said, env=DRIVERS["mt-openai"].env(server))
        assert run.code == "ENGINE" and run.error["message"] == f"guard: {problem}"
        assert len(server.asked) == 1


def test_openai_chat_bad_options():
    with FakeOpenAi(KEY) as server:
        run = DRIVERS["mt-openai"].run(server, env={"MT_OPENAI_OPTIONS": "[1]"})
        assert run.code == "INVALID_ARGUMENT" and run.error["message"].startswith("MT_OPENAI_OPTIONS: ")


# ---- speech ----

@pytest.mark.parametrize("form,rate_hz", [("wav", 24000), ("pcm", 24000)])
def test_openai_speech(form, rate_hz):
    with FakeOpenAi(KEY) as server:
        env = {"TTS_OPENAI_FORMAT": form, "TTS_OPENAI_MODEL": "kokoro"}
        reply = DRIVERS["tts-openai"].run(server, "--voice", "ef_dora", env=env).reply
        assert reply["rate_hz"] == rate_hz and reply["sound_ms"] == pytest.approx(700, abs=15) and reply["model"] == "ef_dora"
        assert server.last.json == {"model": "kokoro", "input": "Buenas noches.", "voice": "ef_dora", "response_format": form}
        faster = DRIVERS["tts-openai"].run(server, "--pace", 1.4, env=env).reply
        assert server.last.json["speed"] == pytest.approx(1.4) and server.last.json["voice"] == "alloy"
        assert faster["sound_ms"] == pytest.approx(500, abs=15)
        assert DRIVERS["tts-openai"].run(server, "--voice", "nobody").code == "INVALID_ARGUMENT"


def test_openai_speech_raw_at_another_rate():
    with FakeOpenAi(KEY) as server:
        reply = DRIVERS["tts-openai"].run(server, env={"TTS_OPENAI_FORMAT": "pcm", "TTS_OPENAI_RATE_HZ": "22050"}).reply
        assert reply["rate_hz"] == 22050


@pytest.mark.parametrize("voices,names", [
    (None, ["alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"]),
    ({"voices": ["af_bella", "ef_dora"]}, ["af_bella", "ef_dora"]),
    ([{"voice_id": "ef_dora", "language": "es", "gender": "female"}], ["ef_dora"]),
])
def test_openai_voices(voices, names):
    with FakeOpenAi(KEY, voices=voices) as server:
        assert [offer["name"] for offer in DRIVERS["tts-openai"].list(server).offers] == names
        chosen = EngineRun("tts", "openai", "--list", "--to", "es",
                           env={**DRIVERS["tts-openai"].env(server), "TTS_OPENAI_VOICES": "one, two"}).offers
        assert [(offer["name"], offer["language"]) for offer in chosen] == [("one", "es"), ("two", "es")]


def test_elevenlabs_speech():
    env = {"ELEVENLABS_RATE_HZ": "22050"}
    with FakeElevenLabs(KEY) as server:
        driver = Driver("tts", "elevenlabs", FakeElevenLabs, "ELEVENLABS", "ELEVENLABS_API_KEY", SPEECH)
        reply = driver.run(server, "--voice", "adam", "--pace", 1.4, env=env).reply
        assert reply["rate_hz"] == 22050 and reply["sound_ms"] == pytest.approx(583, abs=15)
        assert server.last.path == "/v1/text-to-speech/pNInz6obpgDQGcFmaJgB"
        assert server.last.query == {"output_format": "pcm_22050"}
        assert server.last.json == {"text": "Buenas noches.", "model_id": "eleven_flash_v2_5", "language_code": "es",
                                    "voice_settings": {"speed": 1.2}}
        older = driver.run(server, "--times", 2, env={"ELEVENLABS_MODEL": "eleven_multilingual_v2"})
        assert older.reply["rate_hz"] == 24000 and "language_code" not in server.last.json
        assert [asked.path for asked in server.asked[-3:]] == ["/v1/voices"] + ["/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"] * 2
        assert driver.run(server, "--voice", "Nobody").code == "NOT_FOUND"
        gone = driver.run(server, "--voice", "00000000000000000000")
        assert gone.code == "NOT_FOUND" and "has no voice 00000000000000000000" in gone.error["message"]


def test_elevenlabs_out_of_credit():
    with FakeElevenLabs(KEY) as server:
        server.fault((401, server.error(401, "This request exceeds your quota.", "quota_exceeded")))
        run = DRIVERS["elevenlabs"].run(server)
        assert run.code == "NO_SPACE" and "exceeds your quota" in run.error["message"]


@pytest.mark.parametrize("body", [b"", b"\0", wav(b"")], ids=["nothing", "half-a-sample", "no-samples"])
def test_sound_that_is_none(body):
    for name in ("tts-openai", "elevenlabs"):
        driver = DRIVERS[name]
        with driver.fake(KEY) as server:
            server.fault((200, body if name == "tts-openai" else body[:1], {"Content-Type": "audio/wav"}))
            assert driver.run(server).code == "ENGINE"


def test_fakes_speak():
    """The tone that the voices' tests measure is one."""
    assert len(tone(0.5)) == 24000 and shutil.which("openssl")
