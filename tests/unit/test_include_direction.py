#!/usr/bin/env python3
"""Includes go down only: a folder of src/ may use what stands above it in the top meson.build, apps may use all.

    test_include_direction.py [repository]

Also checked: every include of ours names its folder, and the siblings timeline, speech and media stay apart
except where the folder's meson.build takes the other as a dependency.
"""
import pathlib
import re
import sys

SIBLINGS = {"timeline", "speech", "media"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def folders_in_order(root: pathlib.Path) -> list[str]:
    return re.findall(r"^subdir\('src/([^']+)'\)", (root / "meson.build").read_text(), re.MULTILINE)


def dependencies_of(folder: pathlib.Path) -> set[str]:
    """The words of the folder's meson.build: names of dependencies among them."""
    return set(re.findall(r"\b[a-z_]+\b", re.sub(r"#.*", "", (folder / "meson.build").read_text())))


def sources(folder: pathlib.Path):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h"))


def why_refused(folder: str, target: str, order: list[str], named: set[str]) -> str | None:
    if target == folder:
        return None
    if target not in order:
        return "is not a folder of src/"
    if order.index(target) > order.index(folder):
        return f"stands below {folder} in the top meson.build: calls go down, never up"
    if {folder, target} <= SIBLINGS and target not in named:
        return f"is a sibling of {folder}, and its meson.build does not name it"
    return None


def problems_of(root: pathlib.Path) -> list[str]:
    order = folders_in_order(root)
    found = []
    for folder in order:
        named = dependencies_of(root / "src" / folder)
        for path in sources(root / "src" / folder):
            for include in INCLUDE.findall(path.read_text()):
                target, slash, _ = include.partition("/")
                why = why_refused(folder, target, order, named) if slash else "does not name its folder"
                if why:
                    found.append(f"{path.relative_to(root)}: \"{include}\" {why}")
    return found


def self_test() -> None:
    """The rules refuse what they should: a test that cannot fail is none."""
    order = ["base", "media", "timeline", "speech", "worker"]
    assert why_refused("base", "worker", order, set())
    assert why_refused("base", "nowhere", order, set())
    assert why_refused("speech", "media", order, set())
    assert not why_refused("speech", "media", order, {"media"})
    assert not why_refused("worker", "base", order, set())
    assert not why_refused("media", "media", order, set())


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    self_test()
    order = folders_in_order(root)
    assert order[0] == "base" and len(order) > 10, f"{root} is not the repository"
    found = problems_of(root)
    print("\n".join(found) or f"{len(order)} folders of src/ include only what stands above them")
    return 1 if found else 0


def test_include_direction() -> None:
    """For pytest."""
    self_test()
    assert problems_of(pathlib.Path(__file__).resolve().parents[2]) == []


if __name__ == "__main__":
    sys.exit(main())
