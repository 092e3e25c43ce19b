"""Apertium behind APy, the real server from its package with Debian's English and Spanish: what it says is what the same
Apertium says here."""

import sys

import pytest

from support.engine_run import EngineRun
from support.net import free_port, wait_for_port

MODES = "/usr/share/apertium/modes"
SENTENCES = ["Good evening, everybody.", "He is the best player of the team.", "A < B & \"C\" cost 5 %: 100+1?", "¡Olé, señor Muñoz!"]


@pytest.fixture(scope="module")
def apy(tmp_path_factory):
    from support.process import Program
    port = free_port()
    command = [sys.executable, "-m", "apertium_apy.apy", "--port", port, "--num-processes", "1", MODES]
    with Program(command, name="apy", log=tmp_path_factory.mktemp("apy") / "apy.log") as program:
        wait_for_port(port, timeout_s=60)
        assert program.running, program.tail()
        yield {"APERTIUM_APY_URL": f"http://127.0.0.1:{port}"}


def test_says_what_apertium_says_here(apy):
    text = "\n".join(SENTENCES) + "\n"
    there = EngineRun("mt", "apertium-apy", "--lines", env=apy, stdin=text)
    here = EngineRun("mt", "apertium", "--lines", stdin=text)
    assert there.status == 0 and here.status == 0, there.printed + here.printed
    squeeze = [[" ".join(line["text"].split()).lower() for line in run.lines] for run in (there, here)]
    assert squeeze[0] == squeeze[1] and len(squeeze[0]) == len(SENTENCES)


def test_lists_its_pairs(apy):
    offers = EngineRun("mt", "apertium-apy", "--list", env=apy).offers
    assert {("en", "es"), ("es", "en")} <= {(offer["language"], offer["target"]) for offer in offers}


def test_a_pair_that_it_does_not_have(apy):
    run = EngineRun("mt", "apertium-apy", "--text", "Good evening.", "--to", "ja", env=apy)
    assert run.code == "INVALID_ARGUMENT" and "That pair is not installed" in run.error["message"]


def test_another_address(apy):
    run = EngineRun("mt", "apertium-apy", "--text", "x", env={"APERTIUM_APY_URL": apy["APERTIUM_APY_URL"] + "/elsewhere"})
    assert run.code == "NOT_FOUND" and "check APERTIUM_APY_URL" in run.error["message"]


def test_glossary_by_stand_ins(apy, tmp_path):
    """APy is Apertium: the glossary's placeholders are words that it knows, and come back inflected."""
    (tmp_path / "terms.tsv").write_text("tight end\tala cerrada\tm\n")
    text = "The tight end is fast."
    there = EngineRun("mt", "apertium-apy", "--text", text, "--glossary", tmp_path / "terms.tsv", env=apy)
    here = EngineRun("mt", "apertium", "--text", text, "--glossary", tmp_path / "terms.tsv")
    assert "ala cerrada" in there.reply["text"] and there.reply["text"] == here.reply["text"]
