"""A viewer who does not give up: plays a URL, comes back when it ends, and knows when each picture and sound reached it."""

import subprocess
import threading
import time

RETRY_S = 0.1


class Player:
    """Pictures and sounds as (arrival, place) in seconds: the arrival on time.monotonic(), the place on the stream's own clock."""

    def __init__(self, url, shows_all=False):
        """shows_all: also what it reads to find out what it gets, half a second or more; the first arrivals are later by that."""
        self.url, self.shows_all = url, shows_all
        self.pictures, self.sounds = [], []
        self.prints = []  # of each picture: the same one at another player has the same
        self.sessions = []  # when the first of each came
        self.ends = []  # when each was over
        self._ends = False
        self._process = None
        self._thread = threading.Thread(target=self._play, name="player", daemon=True)
        self._thread.start()

    def _play(self):
        while not self._ends:
            command = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "quiet", *([] if self.shows_all else ["-fflags", "nobuffer"]), "-copyts", "-i", self.url,
                       "-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "framecrc", "-"]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._read(self._process.stdout)
            self._process.wait()
            if len(self.sessions) > len(self.ends):
                self.ends.append(time.monotonic())
            time.sleep(RETRY_S)

    def _read(self, lines):
        kinds, scales, is_told = {}, {}, False
        for line in lines:
            now = time.monotonic()
            words = line.replace(",", " ").split()
            if line.startswith("#tb"):
                number, scale = words[1].rstrip(":"), words[2].split("/")
                scales[number] = int(scale[0]) / int(scale[1])
            elif line.startswith("#media_type"):
                kinds[words[1].rstrip(":")] = self.pictures if words[2] == "video" else self.sounds
            elif not line.startswith("#"):
                kinds[words[0]].append((now, int(words[2]) * scales[words[0]]))
                if kinds[words[0]] is self.pictures:
                    self.prints.append(words[5])
                if not is_told:
                    self.sessions.append(now)
                is_told = True

    def largest_gap_s(self, since=0.0, came=None):
        """Between two pictures, or two of what came (self.sounds), after then; also the one that lasts."""
        arrivals = [at for at, _ in list(self.pictures if came is None else came) if at >= since]
        assert arrivals, f"nothing from {self.url}"
        return max(b - a for a, b in zip(arrivals, [*arrivals[1:], time.monotonic()], strict=True))

    def lost_of(self, published, until):
        """How many pictures that had reached the player of the source by then this one has not shown, at its end."""
        sent = [print for (at, _), print in zip(list(published.pictures), published.prints, strict=False) if at <= until]
        newer = published.prints[len(sent):]
        return 0 if self.prints[-1] in newer else sent[::-1].index(self.prints[-1])

    def skipped_of(self, published):
        """How many of the pictures that the player of the source had from the first one shown here to the last were never shown."""
        shown, theirs = set(self.prints), list(published.prints)
        places = [n for n, print in enumerate(theirs) if print in shown]
        return places[-1] + 1 - places[0] - len(places)

    def stop(self):
        self._ends = True
        if self._process:
            self._process.kill()
        self._thread.join(10)
