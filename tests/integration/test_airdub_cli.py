"""The `airdub` program as people and scripts meet it: help, tables, doctor, errors, dub's output, live's supervision."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line
from support.net import free_port, wait_for
from support.process import Program
from support.programs import ROOT, Dub, Live, path_of, sts_service
from support.rtmp import publish

COMMANDS = ("dub", "live", "sts-probe", "doctor", "engines", "bench", "voices", "models", "glossary")


@pytest.fixture(scope="module")
def short():
    return clips.short()


# ---- help and the manual page ----

@pytest.fixture(scope="module")
def manual():
    return (ROOT / "docs/man/airdub.1").read_text().replace("\\-", "-").replace("\\&", "")


def test_help_lists_every_command():
    done = airdub("help")
    assert done.returncode == 0 and done.stderr == ""
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", done.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_names_every_option(command, manual):
    done = airdub(command, "--help")
    assert done.returncode == 0
    assert airdub("help", command).stdout == done.stdout
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", done.stdout, re.M)
    assert set(options) >= {"--help", "--json"}
    assert [o for o in options if o != "--help" and o not in manual] == []


def test_manual_names_every_status(manual):
    table = dict(re.findall(r"^(\d+)\|(.+)$", manual, re.M))
    source = (ROOT / "src/base/error.c").read_text()
    statuses = re.findall(r"\[DUB_ERROR_\w+\] = (\d+)", source)
    assert len(statuses) > 10
    assert set(table) == {"0", *statuses}


# ---- engines and voices ----

def test_engines():
    rows = json.loads(airdub("engines", "--json").stdout)["engines"]
    by_driver = {(row["stage"], row["driver"]): row for row in rows}
    asr, mt, tts = by_driver["ASR", "pocketsphinx"], by_driver["MT", "apertium"], by_driver["TTS", "espeak-ng"]
    assert asr["available"] and asr["languages"] == ["en"] and asr["rate_hz"] == 16000 and asr["problem"] is None
    assert mt["available"] and "en-es" in mt["pairs"] and mt["rate_hz"] is None
    assert tts["available"] and {"en", "es"} <= set(tts["languages"])
    for stage in ("ASR", "MT", "TTS"):
        null = by_driver[stage, "null"]
        assert null["by_name"] and not null["remote"] and null["available"] and null["brings"] is None
    for row in (asr, mt, tts):
        assert not row["by_name"] and not row["remote"] and row["brings"].startswith("apt-get install ")
    table = airdub("engines").stdout
    for row in rows:
        assert re.search(rf"^{row['stage']}\s+{row['driver']}\s", table, re.M)


def test_engines_without_apertium():
    """What is not installed is listed with the way to install it."""
    rows = json.loads(airdub("engines", "--json", env={"PATH": "/nonexistent"}).stdout)["engines"]
    mt = next(row for row in rows if row["driver"] == "apertium")
    assert not mt["available"] and "apt-get install apertium" in mt["problem"] and "en-es" not in mt["pairs"]
    table = airdub("engines", env={"PATH": "/nonexistent"}).stdout
    assert "apt-get install apertium" in table


def test_voices():
    voices = json.loads(airdub("voices", "--json").stdout)["voices"]
    spanish = json.loads(airdub("voices", "--json", "--to", "es").stdout)["voices"]
    assert len(voices) > len(spanish) > 1
    assert all(voice["language"].split("-")[0] == "es" for voice in spanish)
    assert spanish == [voice for voice in voices if voice["language"].split("-")[0] == "es"]
    assert "es-419" in airdub("voices", "--to", "es").stdout


# ---- glossaries ----

def test_glossary_list():
    listed = json.loads(airdub("glossary", "list", "--json").stdout)["glossaries"]
    sports = next(row for row in listed if row["name"] == "sports")
    assert (sports["from"], sports["to"]) == ("en", "es") and sports["entries"] >= 400
    assert re.search(r"^sports\s+en\s+es\s+\d+$", airdub("glossary", "list").stdout, re.M)


def test_glossary_check(tmp_path):
    good, bad = tmp_path / "good.tsv", tmp_path / "bad.tsv"
    good.write_text("# terms\nfree kick\ttiro libre\tm\ts\nclub\tclub\tm\n", encoding="utf-8")
    bad.write_text("goal\tgol\tm\ngoal\ttanto\tm\nsave\nkick\tel tiro\tm\n", encoding="utf-8")
    done = airdub("glossary", "check", good)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{good}: 2 entries, 0 errors"]
    done = airdub("glossary", "check", good, bad)
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(good), f"{bad}:2", f"{bad}:3", f"{bad}:4", str(bad)]
    assert "error: source: 'goal' is a duplicate of line 1" in lines[1]
    assert lines[-1].endswith("1 entry, 3 errors")
    files = json.loads(airdub("glossary", "check", "--json", good, bad).stdout)["files"]
    assert [len(file["problems"]) for file in files] == [0, 3]
    assert files[1]["problems"][0] == {"line": 2, "kind": "error", "message": lines[1].split("error: ")[1]}


def test_glossary_check_of_what_comes_with_airdub():
    done = airdub("glossary", "check", ROOT / "data/glossaries/sports.en-es.tsv")
    assert done.returncode == 0 and ": error: " not in done.stdout


# ---- doctor ----

def doctor(*words, env=None):
    ports = [word for name in ("rtmp", "http", "sts", "api") for word in (f"--{name}-port", "0")]
    return airdub("doctor", *ports, *words, env={"STS_SERVICE_URL": "", "MEDIAMTX_API_URL": "", **(env or {})})


def check_named(done, name):
    return next(check for check in json.loads(done.stdout)["checks"] if check["name"] == name)


def test_doctor_finds_nothing_wrong():
    done = doctor("--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, [check for check in report["checks"] if check["status"] == "fail"]
    assert report["failed"] == 0 and done.stderr == ""
    names = {check["name"] for check in report["checks"]}
    assert {"ASR", "MT", "TTS", "voices", "rtmp2src", "mpegtsmux", "avdec_aac", "media-service", "sts-service", "STS link"} <= names


def test_doctor_prints_a_line_a_check():
    done = doctor()
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) > 30 and all(re.match(r"(ok|note)  +\S", line) for line in lines)


def test_doctor_names_who_has_a_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = doctor("--json", "--rtmp-port", str(port))
        check = check_named(done, str(port))
        assert done.returncode == 1
        assert check["status"] == "fail" and str(os.getpid()) in check["detail"] and "--rtmp-port" in check["cure"]
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("airdub: 1 of ")


def test_doctor_asks_services():
    dead = f"http://127.0.0.1:{free_port()}"
    done = doctor("--json", env={"STS_SERVICE_URL": dead, "MEDIAMTX_API_URL": dead})
    assert done.returncode == 1
    assert check_named(done, "STS link")["status"] == "fail" and dead in check_named(done, "STS link")["detail"]
    assert check_named(done, "media server")["status"] == "fail"


def test_doctor_on_a_language_without_engines():
    done = doctor("--json", "--from", "xx", "--to", "es")
    assert done.returncode == 1
    assert check_named(done, "ASR")["status"] == "fail" and check_named(done, "TTS")["status"] == "ok"
    assert check_named(done, "ASR")["cure"]


# ---- errors ----

ERRORS = {  # words, exit status, what the line says
    "no-command": ([], 2, "airdub help"),
    "unknown-command": (["frobnicate"], 2, "frobnicate"),
    "unknown-option": (["dub", "--frobnicate"], 2, "--frobnicate"),
    "dub-no-arguments": (["dub"], 2, "IN OUT"),
    "dub-one-argument": (["dub", "x.mp4"], 2, "IN OUT"),
    "dub-three-arguments": (["dub", "x.mp4", "y.mp4", "z.mp4"], 2, "z.mp4"),
    "doctor-argument": (["doctor", "now"], 2, "now"),
    "missing-input": (["dub", "/nonexistent.mp4", "y.mp4"], 3, "/nonexistent.mp4"),
    "newline-in-name": (["dub", "/non\nexistent.mp4", "y.mp4"], 3, "existent"),
    "bytes-in-name": (["dub", b"/non\xffexistent.mp4", "y.mp4"], 3, "existent"),
    "folder-as-input": (["dub", "/", "y.mp4"], 2, "folder"),
    "same-languages": (["dub", "x.mp4", "y.mp4", "--from", "en", "--to", "en"], 2, "--to"),
    "bad-language": (["dub", "x.mp4", "y.mp4", "--from", "English"], 2, "--from"),
    "bad-bed": (["dub", "x.mp4", "y.mp4", "--bed", "loud"], 2, "--bed"),
    "bad-segment": (["dub", "x.mp4", "y.mp4", "--segment", "0"], 2, "--segment"),
    "segment-no-number": (["dub", "x.mp4", "y.mp4", "--segment", "six"], 2, "six"),
    "bad-segment-mode": (["dub", "x.mp4", "y.mp4", "--segment-mode", "random"], 2, "--segment-mode"),
    "bad-sts-url": (["dub", "x.mp4", "y.mp4", "--sts", "nowhere"], 2, "--sts"),
    "live-bad-port": (["live", "--rtmp-port", "70000"], 2, "--rtmp-port"),
    "live-negative-port": (["live", "--http-port", "-1"], 2, "--http-port"),
    "live-bad-stream": (["live", "--stream", "a/b"], 2, "--stream"),
    "live-bad-server": (["live", "--media-server", "nginx"], 2, "--media-server"),
    "doctor-bad-port": (["doctor", "--sts-port", "70000"], 2, "70000"),
    "glossary-without-a-word": (["glossary"], 2, "'check FILE…' or 'list'"),
    "glossary-without-a-file": (["glossary", "check"], 2, "'check FILE…' or 'list'"),
    "glossary-no-such-file": (["glossary", "check", "/no/such.tsv"], 3, "/no/such.tsv"),
    "voices-no-such-language": (["voices", "--to", "xx"], 4, "xx"),
    "hook-bad-event": (["mediamtx-hook", "maybe"], 2, "maybe"),
}


def raw(words, cwd):
    """With names that are not UTF-8."""
    command = [os.fsencode(path_of("airdub")), *(w if isinstance(w, bytes) else os.fsencode(w) for w in words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=60, encoding="utf-8", errors="replace")


@pytest.mark.parametrize("name", ERRORS)
def test_error(name, tmp_path):
    words, status, says = ERRORS[name]
    done = raw(words, tmp_path)
    assert_one_line(done, status, says)
    assert list(tmp_path.iterdir()) == []


OUTPUT_ERRORS = {
    "no-suffix": ("out", [], 4, ".mp4"),
    "unknown-suffix": ("out.xyz", [], 4, ".mp4"),
    "no-folder": ("none/out.mp4", [], 3, "mkdir -p"),
    "no-voice": ("out.mp4", ["--voice", "nobody"], 3, "nobody"),
    "no-recogniser": ("out.mp4", ["--from", "xx"], 4, "en"),
    "no-translator": ("out.mp4", ["--to", "fr"], 4, "en-es"),
    "subtitles-of-a-url": ("rtmp://127.0.0.1:1/live/x", ["--subtitles"], 2, "--subtitles"),
}


@pytest.mark.parametrize("name", OUTPUT_ERRORS)
def test_output_error(name, short, tmp_path):
    out, options, status, says = OUTPUT_ERRORS[name]
    done = airdub("dub", short, out if "://" in out else tmp_path / out, *options)
    assert_one_line(done, status, says)
    assert list(tmp_path.iterdir()) == []


def test_error_in_json(tmp_path):
    dub = Dub("/nonexistent.mp4", tmp_path / "out.mp4")
    assert dub.status == 3
    assert [event["event"] for event in dub.events] == ["error"]
    assert dub.events[0]["status"] == 3 and "/nonexistent.mp4" in dub.events[0]["message"]


def test_same_file_by_another_name(short, tmp_path):
    source, link = tmp_path / "in.mp4", tmp_path / "link.mp4"
    source.write_bytes(short.read_bytes())
    link.symlink_to(source)
    done = airdub("dub", "--force", source, link)
    assert_one_line(done, 2, "same file")
    assert source.read_bytes() == short.read_bytes()


# ---- dub: what it shows and writes beside the output ----

@pytest.fixture(scope="module")
def subtitled(short, tmp_path_factory):
    folder = tmp_path_factory.mktemp("subtitled")
    return folder, Dub("--subtitles", short, folder / "out.mp4")


def cues(path):
    """[(start, end, text)] of a .vtt or .srt file, which must be well-formed."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".vtt":
        assert text.startswith("WEBVTT\n\n")
        text = text[len("WEBVTT\n\n"):]
    decimal = "." if path.suffix == ".vtt" else ","
    time_of = rf"(\d\d):(\d\d):(\d\d)\{decimal}(\d\d\d)"
    found = []
    for number, block in enumerate(text.strip().split("\n\n"), 1):
        head, span, *lines = block.split("\n")
        match = re.fullmatch(f"{time_of} --> {time_of}", span)
        assert head == str(number) and match, block
        assert 1 <= len(lines) <= 2 and all(0 < len(line) <= 42 for line in lines), block
        h1, m1, s1, f1, h2, m2, s2, f2 = map(int, match.groups())
        found.append((h1 * 3600 + m1 * 60 + s1 + f1 / 1000, h2 * 3600 + m2 * 60 + s2 + f2 / 1000, " ".join(lines)))
    return found


def test_subtitles(subtitled):
    folder, dub = subtitled
    fragments, duration = dub.fragments, dub.summary["duration"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "out.en.srt", "out.en.vtt", "out.es.srt", "out.es.vtt", "out.mp4"]
    assert sorted(dub.summary["subtitles"]) == sorted(str(p) for p in folder.iterdir() if p.suffix != ".mp4")
    for language, key in (("en", "transcript"), ("es", "translation")):
        vtt, srt = cues(folder / f"out.{language}.vtt"), cues(folder / f"out.{language}.srt")
        said = " ".join(f[key] for f in fragments if f[key])
        assert said and " ".join(text for _, _, text in srt) == said
        assert [c[:2] for c in vtt] == [c[:2] for c in srt]
        assert all(a < b for a, b, _ in vtt) and all(b <= c for (_, b, _), (c, _, _) in zip(vtt, vtt[1:]))
        assert vtt[0][0] >= fragments[0]["speech_start"] - 0.002 and vtt[-1][1] <= duration + 0.5


def test_fragments_in_json(subtitled):
    _, dub = subtitled
    assert [f["index"] for f in dub.fragments] == list(range(len(dub.fragments)))
    at = 0.0
    for fragment in dub.fragments:
        assert fragment["start"] == pytest.approx(at, abs=0.002)
        at = fragment["start"] + fragment["duration"]
        assert fragment["status"] == "dubbed" and fragment["reason"] is None
        assert fragment["transcript"] and fragment["translation"] and fragment["asr_ms"] > 0 and fragment["tts_ms"] > 0
    summary = dub.summary
    assert at == pytest.approx(summary["duration"], abs=0.05)
    assert summary["fragments"] == summary["dubbed"] == len(dub.fragments) and summary["fallback"] == 0
    assert summary["elapsed"] > 0 and summary["real_time_factor"] == pytest.approx(summary["elapsed"] / summary["duration"], rel=0.02)


def test_subtitles_are_not_overwritten(short, tmp_path):
    mine = tmp_path / "out.es.srt"
    mine.write_text("mine")
    done = airdub("dub", "--subtitles", short, tmp_path / "out.mp4")
    assert_one_line(done, 2, "--force")
    assert mine.read_text() == "mine" and list(tmp_path.iterdir()) == [mine]


def test_quiet_says_nothing(short, tmp_path):
    done = airdub("dub", "--quiet", short, tmp_path / "out.mp4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.mp4").exists()


def read_terminal(command):
    """(exit status, what a terminal of 80 columns got)"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    seen, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline and select.select([terminal], [], [], deadline - time.monotonic())[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        seen += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_bar_on_a_terminal(short, tmp_path):
    status, seen = read_terminal([str(path_of("airdub")), "dub", str(short), str(tmp_path / "out.mp4")])
    assert status == 0, seen
    assert re.search(r"\r\[[#.]{30}\] +\d+ % ", seen)
    last = seen.rstrip("\r\n").rsplit("\r\x1b[K", 1)[1]
    assert re.match(r"\d+\.\d s in \d+\.\d s .*-> .*out\.mp4$", last)


# Speaks the text that engines are warmed up with, and no other.
STUCK_VOICE = """#!/usr/bin/python3
import json, sys, time
print(json.dumps({"ready": True, "name": "stuck"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["run"] == "list":
        print(json.dumps({"id": asked["id"], "offers": [{"language": "es", "name": "stuck"}]}), flush=True)
    elif "five" in asked["text"]:
        sys.stdout.write(json.dumps({"id": asked["id"], "rate_hz": 16000, "bytes": 2}) + "\\n\\0\\0")
        sys.stdout.flush()
    else:
        time.sleep(600)
"""


def test_second_interrupt_ends_at_once(short, tmp_path):
    """The first would wait for the fragments that are being spoken, for minutes; the second waits for nothing."""
    voice, out = tmp_path / "stuck.py", tmp_path / "out.mp4"
    voice.write_text(STUCK_VOICE)
    voice.chmod(0o755)
    with Program([path_of("airdub"), "dub", "--json", "--tts", f"exec:{voice}", short, out]) as program:
        program.wait_for_line('"event": ?"start"', 90)
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)
        assert program.wait(60) == 130, program.tail()
    assert not out.exists()


def test_a_pipe_that_nobody_writes_into_holds_up_no_interrupt(tmp_path):
    pipe, out = tmp_path / "in.ts", tmp_path / "out.mp4"
    os.mkfifo(pipe)
    with Program([path_of("airdub"), "dub", "--verbose", pipe, out]) as program:
        program.wait_for_line("state: |connecting", 90)
        program.signal(signal.SIGINT)
        program.signal(signal.SIGINT)
        assert program.wait(20) == 130, program.tail()
    assert sorted(os.listdir(tmp_path)) == ["in.ts"]


@pytest.mark.parametrize("out, says", [("-", "standard output"), ("out.ts", "no plain file")])
def test_results_go_into_no_pipe(short, tmp_path, out, says):
    os.mkfifo(tmp_path / "out.ts")
    target = out if out == "-" else tmp_path / out
    assert_one_line(airdub("dub", "--force", short, target), 4, says)


def test_dub_through_an_sts_service(short, tmp_path):
    """The same by way of Socket.IO: one seam, two backends."""
    with sts_service(log=tmp_path / "sts.log") as sts:
        wait_for(lambda: sts.get("/health").status_code == 200, 60, "engines that are loaded")
        dub = Dub("--sts", sts.url, short, tmp_path / "out.mp4")
        assert dub.summary["dubbed"] == dub.summary["fragments"] > 0, dub.fragments
        assert all(f["transcript"] and f["translation"] for f in dub.fragments)


def test_dub_without_the_sts_service(short, tmp_path):
    done = airdub("dub", "--sts", f"http://127.0.0.1:{free_port()}", short, tmp_path / "out.mp4")
    assert_one_line(done, 10, "--sts")
    assert list(tmp_path.iterdir()) == []


# ---- the hook that MediaMTX runs ----

class Receiver(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.posts = []
        threading.Thread(target=self.serve_forever, name="receiver", daemon=True).start()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posts.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


@pytest.mark.parametrize("query", ["lang=es", "", 'a="b"&c=\'d\'', "$(touch x);`id`\\", "l=ñ&x=%22\n\t"])
def test_hook_posts_any_query(query):
    receiver = Receiver()
    env = {"MTX_PATH": "live/a/in", "MTX_QUERY": query, "MTX_SOURCE_TYPE": "rtmpConn", "MTX_SOURCE_ID": "1",
           "ORCHESTRATOR_URL": f"http://127.0.0.1:{receiver.server_port}"}
    try:
        for event in ("ready", "not-ready"):
            done = airdub("mediamtx-hook", event, env=env)
            assert done.returncode == 0, done.stderr
    finally:
        receiver.shutdown()
        receiver.server_close()
    body = {"path": "live/a/in", "query": query, "sourceType": "rtmpConn", "sourceId": "1"}
    assert receiver.posts == [(f"/v1/mediamtx/events/{event}", "application/json", body) for event in ("ready", "not-ready")]


# ---- live: supervision ----

def child_pids(parent):
    """{name: pid} of the services of an airdub live."""
    done = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(parent)], capture_output=True, text=True)
    return {name: int(pid) for pid, name in (line.split(None, 1) for line in done.stdout.splitlines())}


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_live_dubs_restarts_and_stops(short, tmp_path):
    """One stream through all of it; sts-service is killed on the way and is back at the same port; a clean end."""
    with Live(tmp_path, stream="cli") as live:
        assert live.ready["publish_url"] == live.publish_url("cli") and live.ready["stream_key"] == "cli/in"
        children = child_pids(live.program.pid)
        assert set(children) == {"media-service", "sts-service"}
        with publish(short, live.publish_url("cli"), loop=3):
            wait_for(lambda: any(e["event"] == "stream" and e["dubbed"] > 0 for e in live.events()), 60, "a dubbed fragment")
            os.kill(children["sts-service"], signal.SIGKILL)
            wait_for(lambda: any(e["event"] == "died" for e in live.events()), 10, "the news of its death")
            again = wait_for(lambda: child_pids(live.program.pid).get("sts-service"), 10, "another sts-service")
            assert again != children["sts-service"]
            with_port = f"sts-service: listening on http://127.0.0.1:{live.ready['sts_port']}"
            log = live.logs / "sts-service.log"
            wait_for(lambda: log.read_text().count(with_port) == 2, 20, "the same port again")
        died = next(e for e in live.events() if e["event"] == "died")
        assert died["name"] == "sts-service" and "9" in died["how"] and died["wait_ms"] == 500
        pids = child_pids(live.program.pid).values()
        live.program.signal(signal.SIGINT)
        assert live.program.wait(30) == 0, live.program.tail()
        assert not any(is_alive(pid) for pid in pids)
    stream = [e for e in live.events() if e["event"] == "stream"][-1]
    assert {"stream_id", "state", "fragments", "dubbed", "fallback", "latency_p50_ms", "latency_p95_ms"} <= set(stream)


def test_live_killed_leaves_nothing_behind(tmp_path):
    with Live(tmp_path) as live:
        pids = list(child_pids(live.program.pid).values())
        assert len(pids) == 2
        live.program.signal(signal.SIGKILL)
        live.program.popen.wait(10)
        wait_for(lambda: not any(is_alive(pid) for pid in pids), 20, "the end of the services")


@pytest.mark.parametrize("option", ["--rtmp-port", "--http-port", "--sts-port", "--api-port"])
def test_live_port_in_use(option):
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        words = [word for name in ("rtmp", "http", "sts", "api") for word in (f"--{name}-port", "0")]
        done = airdub("live", *words, option, str(port))
        assert_one_line(done, 7, option)
        assert str(os.getpid()) in done.stderr


def test_live_without_mediamtx(tmp_path):
    done = airdub("live", "--media-server", "mediamtx", "--rtmp-port", "0", "--http-port", "0", "--sts-port", "0", "--api-port",
                  "0", "--rtsp-port", "0", env={"MEDIAMTX_BIN": str(tmp_path / "none")})
    assert_one_line(done, 3, "MEDIAMTX_BIN")


def test_live_gives_up_on_a_bad_setting():
    """A service that refuses its settings is not tried again, and its own words come through."""
    words = [word for name in ("rtmp", "http", "sts", "api") for word in (f"--{name}-port", "0")]
    done = airdub("live", *words, env={"STS_MODE": "nonsense"})
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("airdub: sts-service ended with exit status 2: ") and "STS_MODE" in last
