"""One engine, whichever driver it is, through tests/support/engine-run.c."""

import json
import os
import subprocess

from support.programs import build_dir


class EngineRun:
    """One finished run: its lines of JSON, and everything it printed."""

    def __init__(self, stage, name, *arguments, env=None, stdin="", timeout_s=60):
        program = build_dir() / "tests/unit/engines/engine-run"
        assert program.exists(), f"{program} is not built: run make"
        kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        self.done = subprocess.run([program, stage, name, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                                   timeout=timeout_s, env={**kept, **{key: str(value) for key, value in (env or {}).items()}})
        self.status = self.done.returncode
        self.printed = self.done.stdout + self.done.stderr
        self.lines = [json.loads(line) for line in self.done.stdout.splitlines()]

    @property
    def reply(self):
        """The last result, after success; what went wrong otherwise."""
        assert self.status == 0 and self.lines[-1]["ok"], self.printed
        return self.lines[-1]

    @property
    def error(self):
        """The last result, after failure."""
        assert self.status != 0 and not self.lines[-1]["ok"], self.printed
        return self.lines[-1]

    @property
    def code(self):
        return self.error["code"]

    @property
    def offers(self):
        assert self.status == 0, self.printed
        return self.lines
