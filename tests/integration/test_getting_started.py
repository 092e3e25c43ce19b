"""What docs/getting-started.md shows is what a newcomer sees. `make pictures` makes its pictures anew.

The pictures have Whisper's words, as a newcomer's screen has; what is compared is everything but words and numbers."""

import re
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from support import rtmp
from support.net import wait_for
from support.programs import path_of
from support.terminal import Terminal, svg

WORDS = ["--asr", "whisper"]
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def picture(pytestconfig):
    """picture(name, lines): docs/pictures has them, but for numbers; or does now, with --write-pictures."""

    def check(name, lines):
        path = DOCS / "pictures" / name
        if pytestconfig.getoption("--write-pictures"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(svg(lines))
        assert f"pictures/{name}" in (DOCS / "getting-started.md").read_text()
        shown = [text.text for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
        assert shape(shown) == shape(lines), "run make pictures"

    return check


def shape(lines):
    """Without what differs from run to run: numbers, words that were said, where a long line is broken."""
    said = re.compile(r"^(\d:\d\d:\d\d\.\d|) {2,}\S.*")
    text = "".join(said.sub("said", line) if line.startswith(("0:", " " * 11)) else line for line in lines)
    return re.sub(r"\d+([.:]\d+)*", "0", re.sub(r"\s", "", text))


def test_live_view(until_end, picture, short, pytestconfig, tmp_path):
    ports = [word for name in ("rtmp", "http", "sts", "api", "rtsp") for word in (f"--{name}-port", "0")]
    terminal = until_end(Terminal([path_of("airdub"), "live", "--log-dir", tmp_path, *WORDS, *([] if pytestconfig.getoption("--write-pictures") else ports)]))
    server = wait_for(lambda: re.search(r"Server +(rtmp://\S+)", terminal.text()), 30, "the addresses").group(1)
    key = re.search(r"Stream Key +(\S+)", terminal.text()).group(1)
    until_end(rtmp.publish(short, f"{server}/{key}", loop=9))
    wait_for(lambda: re.search(r"^main +running .* [2-9] dubbed", terminal.text(), re.M), 60, f"dubbed fragments on\n{terminal.text()}")
    seen = terminal.lines()
    terminal.signal(signal.SIGINT)
    assert terminal.wait(30) == 0
    picture("live.svg", seen)


def test_a_file(until_end, picture, short, tmp_path):
    talk, dubbed = tmp_path / "talk.mp4", tmp_path / "charla.mp4"
    talk.symlink_to(short)
    terminal = until_end(Terminal([path_of("airdub"), "dub", "-v", *WORDS, "--subtitles", talk.name, dubbed.name], cwd=tmp_path))
    assert terminal.wait(60) == 0, terminal.text()
    assert dubbed.exists() and list(tmp_path.glob("charla*.srt")) + list(tmp_path.glob("charla*.vtt"))
    picture("file.svg", terminal.lines())
