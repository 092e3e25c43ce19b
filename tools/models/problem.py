"""What can go wrong: one line for people, and an exit status of airdub(1)."""

import errno

FAILED = 1
INVALID_ARGUMENT = 2
NOT_FOUND = 3
UNSUPPORTED = 4
CORRUPT = 6
BUSY = 7
NO_SPACE = 8
IO = 9
NETWORK = 10
TIMEOUT = 11
CANCELLED = 130

_STATUS_OF_ERRNO = {errno.ENOENT: NOT_FOUND, errno.ENOSPC: NO_SPACE, errno.EDQUOT: NO_SPACE, errno.EFBIG: NO_SPACE}


class Problem(Exception):
    """The message names the cause and, where there is one, the cure."""

    def __init__(self, status, message):
        super().__init__(" ".join(message.split()))
        self.status = status


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. No Exception, so that nothing on the way out takes it for a failure to be handled."""


def from_os_error(error):
    status = _STATUS_OF_ERRNO.get(error.errno, IO)
    where = f"{error.filename}: " if error.filename else ""
    cure = "; free some space and try again" if status == NO_SPACE else ""
    return Problem(status, f"{where}{error.strerror or error}{cure}")
