"""A program run beside the test: everything it prints is kept, every wait has an end, and it never outlives its test."""

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

MAX_LINES = 50_000


class Program:
    """Starts at once. Use it as a context manager, or stop() it.

    log: the file everything is also written to, kept when a test fails."""

    def __init__(self, command, name=None, env=None, log=None, cwd=None, stdin=subprocess.DEVNULL):
        self.command = [str(word) for word in command]
        self.name = name or Path(self.command[0]).name
        self.lines = deque(maxlen=MAX_LINES)
        self._log = open(log, "w", buffering=1) if log else None
        self._changed = threading.Condition()
        self._seen = 0  # lines ever read
        self._open = True
        self.started = time.monotonic()
        self.popen = subprocess.Popen(self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      errors="replace", env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True)
        self._reader = threading.Thread(target=self._read, name=f"{self.name}-output", daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _read(self):
        for line in self.popen.stdout:
            if self._log:
                self._log.write(line)
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._seen += 1
                self._changed.notify_all()
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._log:
            self._log.close()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def output(self):
        """Everything printed so far, stdout and stderr as they came."""
        with self._changed:
            return "\n".join(self.lines)

    def tail(self, count=40):
        with self._changed:
            return "\n".join(list(self.lines)[-count:])

    def wait_for_line(self, pattern, timeout_s=15):
        """The match of the first line, printed before or after now, that the pattern is found in."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        checked = 0
        with self._changed:
            while True:
                new = self._seen - checked
                for line in list(self.lines)[-new:] if new else []:
                    match = wanted.search(line)
                    if match:
                        return match
                checked = self._seen
                left = deadline - time.monotonic()
                if not self._open or left <= 0:
                    break
                self._changed.wait(left)
        why = f"not within {timeout_s:g} s" if self._open else f"ended with status {self.popen.wait()}"
        raise AssertionError(f"{self.name}: no line like {pattern!r}: {why}\n{self.tail()}")

    def wait(self, timeout_s=60):
        """The exit status; AssertionError with the output when the program does not end in time."""
        try:
            status = self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            tail = self.tail()
            self.stop(grace_s=1)
            raise AssertionError(f"{self.name}: still running after {timeout_s:g} s\n{tail}") from None
        self._reader.join(5)
        return status

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, grace_s=10):
        """SIGTERM, then after grace_s SIGKILL to its whole session. Returns the exit status (negative for a signal)."""
        if self.running:
            self.popen.terminate()
            try:
                self.popen.wait(grace_s)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)  # what it has left behind
        except ProcessLookupError:
            pass
        status = self.popen.wait(10)
        self._reader.join(5)
        return status

    def rss_kb(self):
        """Resident memory now."""
        return int(self._status_field("VmRSS"))

    def peak_rss_kb(self):
        return int(self._status_field("VmHWM"))

    def threads(self):
        return int(self._status_field("Threads"))

    def count_lines(self):
        """Lines printed until now."""
        with self._changed:
            return self._seen

    def last_lines(self, count):
        with self._changed:
            return list(self.lines)[-count:] if count else []

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_s(self):
        """Seconds of CPU used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_by_thread_s(self):
        """{thread name: seconds of CPU its living threads have used}; for programs whose threads live on."""
        used = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                name = (task / "comm").read_text().strip()
                nanoseconds = int((task / "schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
            used[name] = used.get(name, 0) + nanoseconds / 1e9
        return used

    def _status_field(self, name):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)


def run(command, timeout_s=60, env=None, cwd=None):
    """Runs to the end with a limit; returns subprocess.CompletedProcess with stdout and stderr as text."""
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=timeout_s, env={**os.environ, **(env or {})}, cwd=cwd)
