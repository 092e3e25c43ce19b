"""Tables and plots that benchmarks write into the documents: a block between two markers, the same again for the same numbers."""

import re
from pathlib import Path


def table(heads, rows):
    """Markdown; cells are text."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def replace_block(path, name, text):
    """Puts text between the markers of the name: in the place of what is there, else at the file's end; the file may be new."""
    begin, end = f"<!-- {name}: made by a program, changes are lost -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    path = Path(path)
    old = path.read_text() if path.exists() else ""
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if len(pattern.findall(old)) > 1:
        raise RuntimeError(f"{path} has more than one block called {name}")
    if pattern.search(old):
        path.write_text(pattern.sub(lambda _: block, old))
    else:
        path.write_text((f"{old.rstrip()}\n\n" if old.strip() else "") + f"{block}\n")


def bars(path, labels, panels):
    """An SVG: for each panel (title, {series: values, None where there is none}, bound or None) a group of bars for each label."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    pyplot.rcParams.update({"svg.hashsalt": "airdub", "svg.fonttype": "none", "font.size": 8})
    figure, axes = pyplot.subplots(1, len(panels), sharey=True, figsize=(3.2 * len(panels) + 2, 0.45 * len(labels) + 1.4))
    for axis, (title, series, bound) in zip(axes, panels):
        _panel(axis, title, series, bound, labels)
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _panel(axis, title, series, bound, labels):
    height = 0.8 / len(series)
    for index, (name, values) in enumerate(series.items()):
        places = [row - 0.4 + (index + 0.5) * height for row in range(len(labels))]
        drawn = axis.barh(places, [value or 0 for value in values], height, label=name)
        axis.bar_label(drawn, ["" if value is None else f"{value:.1f}" for value in values], padding=2, fontsize=7)
    if bound is not None:
        axis.axvline(bound, color="black", linewidth=0.8, linestyle="--")
    axis.set_title(title)
    axis.margins(x=0.15)
    axis.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(series), frameon=False)
