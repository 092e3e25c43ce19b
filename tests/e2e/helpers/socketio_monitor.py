"""sts_monitor: what all connections of an sts-service say to each other, from its namespace /monitor."""

from support.sts_monitor import StsMonitor  # noqa: F401 (the helper by the name that tests know)


def has_audio(answer):
    """Whether a fragment:processed carries sound: its length, or itself."""
    data = (answer.get("dubbed_audio") or {}).get("data_base64") or 0
    return (data if isinstance(data, int) else len(data)) > 0
