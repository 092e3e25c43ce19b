"""Blocks, tables and plots that benchmarks write."""

import pytest

from support import report
from support.quality import Errors, chrf, chrf_heard, cues, errors, total


def test_block_is_put_at_the_end_of_a_new_file_and_replaced_after_that(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Page\n\nText.\n")
    report.replace_block(path, "words", "| one |")
    first = path.read_text()
    assert first.startswith("# Page\n\nText.\n\n<!-- words") and "| one |" in first
    report.replace_block(path, "words", "| one |\n")
    assert path.read_text() == first
    path.write_text(first + "\nMore.\n")
    report.replace_block(path, "words", r"| two \1 |")
    second = path.read_text()
    assert r"| two \1 |" in second and "| one |" not in second and second.endswith("\nMore.\n")


def test_blocks_do_not_touch_each_other(tmp_path):
    path = tmp_path / "page.md"
    report.replace_block(path, "one", "1")
    report.replace_block(path, "two", "2")
    report.replace_block(path, "one", "3")
    assert path.read_text().index("3") < path.read_text().index("2") and "1" not in path.read_text()


def test_two_blocks_of_one_name_are_refused(tmp_path):
    path = tmp_path / "page.md"
    report.replace_block(path, "one", "1")
    path.write_text(path.read_text() * 2)
    with pytest.raises(RuntimeError, match="more than one"):
        report.replace_block(path, "one", "2")


def test_plot_is_the_same_for_the_same_numbers(tmp_path):
    panels = [("a", {"x": [1.0, None], "y": [2.0, 3.0]}, 2.5), ("b", {"z": [0.0, 10.0]}, None)]
    for name in ("one.svg", "two.svg"):
        report.bars(tmp_path / name, ["first", "second"], panels)
    one = (tmp_path / "one.svg").read_text()
    assert one == (tmp_path / "two.svg").read_text()
    assert "second" in one and "10.0" in one


def test_errors_add_up():
    assert total([errors("one two", "one"), errors("three four", "three four five")]) == Errors(2, 4)
    assert Errors(2, 4).percent == 50 and total([]).percent == 0


def test_chrf_knows_better_from_worse():
    reference = ["El portero hizo una gran parada."]
    texts = (reference[0], "El portero hizo un gran salve.", "La lluvia ha parado.")
    right, near, far = (chrf([text], reference) for text in texts)
    assert right == 100 and right > near > far


def test_what_is_heard_has_no_case_and_no_figures():
    assert chrf_heard("he dicho tres goles en la primera parte", "¡He dicho 3 goles en la 1ª parte!") == 100


def test_cues(tmp_path):
    path = tmp_path / "out.vtt"
    path.write_text("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nUno, dos.\n\n00:00:01.000 --> 00:00:02.000\nTres\ny cuatro.\n")
    assert cues(path) == "Uno, dos. Tres y cuatro."
