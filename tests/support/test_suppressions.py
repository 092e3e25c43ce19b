"""What the sanitizers are told to pardon is told by names that every machine has.

LeakSanitizer and ThreadSanitizer match a suppression against the functions of a stack and against the files they are in. A library's
own functions have names where its debug symbols are installed, as on many a developer's machine and on no other; its file always has."""

import re
import subprocess
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parent
BY_FILE = {"leak", "called_from_lib"}


def libraries():
    """The file names of the shared libraries that are installed, GStreamer's plugins and the loader among them."""
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    folders = {Path(path).parent for path in re.findall(r"=> (\S+)", known)}
    return {p.name for folder in folders for p in [*folder.glob("*.so*"), *folder.glob("gstreamer-1.0/*.so")]}


def our_functions():
    """Those of what is linked into each program that TSan watches: built here, so their names are there."""
    return set(re.findall(r"^\w[\w ]*\W\(?(\w+)\)?\(.*\)$", (SUPPORT / "tsan-glib.c").read_text(), re.MULTILINE))


def rules(text):
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def why_refused(rule, files, functions):
    kind, _, name = rule.partition(":")
    if kind in BY_FILE:
        return None if any(name in file for file in files) else f"{rule}: no installed library's file is called so"
    return None if name in functions else f"{rule}: is not a function of tests/support/tsan-glib.c"


@pytest.mark.parametrize("name", ["lsan.supp", "tsan.supp"])
def test_names_are_on_every_machine(name):
    found = rules((SUPPORT / name).read_text())
    files, functions = libraries(), our_functions()
    assert found
    assert [why for rule in found if (why := why_refused(rule, files, functions))] == []


@pytest.mark.parametrize("rule", ["leak:call_init", "leak:g_socket_accept", "leak:soup_headers_parse_request", "race:g_source_attach_x",
                                  "called_from_lib:libnothing.so"])
def test_names_of_functions_are_refused(rule):
    assert why_refused(rule, libraries(), our_functions())


PROGRAM = """
#include <glib.h>
#include <stdio.h>
#include <string.h>
static __attribute__((noinline)) void lose(void)
{
    memset(g_malloc(77), 0, 77);
}

int main(int argc, char **argv G_GNUC_UNUSED)
{
    char name[20];
    for (int i = 0; i < 3000; i++) { /* quarks: more than the first table takes */
        snprintf(name, sizeof name, "quark-%d", i);
        g_quark_from_string(name);
    }
    if (argc > 1)
        lose();
    return 0;
}
"""


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """A program that leaks GLib's first table of quarks, and with an argument 77 bytes of its own."""
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "leaky.c").write_text(PROGRAM)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-g", "-fsanitize=address", "-o", folder / "leaky", folder / "leaky.c", *flags], check=True)
    return folder / "leaky"


def leaks(program, *arguments, suppressions="lsan.supp"):
    """What LeakSanitizer reports where nothing can be symbolized."""
    options = {"ASAN_OPTIONS": "detect_leaks=1:symbolize=0:fast_unwind_on_malloc=0:malloc_context_size=32", "G_SLICE": "always-malloc",
               "LSAN_OPTIONS": f"suppressions={SUPPORT / suppressions}:print_suppressions=0" if suppressions else ""}
    done = subprocess.run([program, *arguments], env=options, capture_output=True, text=True, timeout=60)
    return [int(size) for size in re.findall(r"leak of (\d+) byte", done.stderr)]


def test_pardons_without_any_symbols(leaky):
    assert leaks(leaky, suppressions=None)  # else there is nothing to pardon, and lsan.supp has a line too many
    assert leaks(leaky) == []


def test_does_not_pardon_ours(leaky):
    assert leaks(leaky, "leak") == [77]
