"""A program on a terminal of its own: what stands on the screen, as text and as a picture."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from xml.sax.saxutils import escape

import pyte

FONT_PX, LINE_PX, CHARACTER_PX, MARGIN_PX = 13, 18, 7.83, 14


class Terminal:
    """Starts at once; stop() it."""

    def __init__(self, command, columns=140, rows=24, env=None, cwd=None):
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.popen = subprocess.Popen([str(word) for word in command], stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                                      start_new_session=True, env={**os.environ, "TERM": "xterm", **(env or {})}, cwd=cwd)
        os.close(slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: nobody has the other side open any more
                return
            if not data:
                return
            with self._lock:
                self._stream.feed(data)

    def lines(self):
        """Of the screen, without what is blank at their ends and below the last."""
        with self._lock:
            lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def text(self):
        return "\n".join(self.lines())

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout_s):
        status = self.popen.wait(timeout_s)
        self._reader.join(5)
        return status

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(10)
        self._reader.join(5)
        os.close(self._master)


def svg(lines):
    """The lines as light text on dark ground."""
    width = int(max(map(len, lines)) * CHARACTER_PX) + 2 * MARGIN_PX
    height = len(lines) * LINE_PX + 2 * MARGIN_PX
    rows = "\n".join(f'<text x="{MARGIN_PX}" y="{MARGIN_PX + LINE_PX * (n + 1) - 5}" xml:space="preserve">{escape(line)}</text>'
                     for n, line in enumerate(lines) if line)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
            f'<rect width="100%" height="100%" rx="6" fill="#1e2227"/>\n'
            f'<g font-family="ui-monospace, DejaVu Sans Mono, Consolas, monospace" font-size="{FONT_PX}" fill="#d7dae0">\n'
            f"{rows}\n</g>\n</svg>\n")
