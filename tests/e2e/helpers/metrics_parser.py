"""metrics_parser: what media-service's and sts-service's metrics say of one stream, by the names that tests use."""

from support import prometheus

PREFIX = "media_service_worker_"


class StreamMetrics:
    """One scrape of media-service, seen from one stream. A series that is not there yet counts as 0."""

    def __init__(self, url, stream):
        self.stream = stream
        self.all = prometheus.scrape(url)

    def value(self, name, **labels):
        return self.all.value(PREFIX + name, default=0, stream_id=self.stream, **labels)

    @property
    def has_worker(self):
        return bool(self.all.find(PREFIX + "info_info", stream_id=self.stream))

    @property
    def segments(self):
        return self.value("segments_processed_total", type="audio")

    @property
    def sent(self):
        return self.value("sts_fragments_sent_total")

    def processed(self, **labels):
        return self.value("sts_fragments_processed_total", **labels)

    @property
    def fallbacks(self):
        return self.value("fallback_total")

    @property
    def av_sync_delta_ms(self):
        return abs(self.value("av_sync_delta_ms"))

    @property
    def latencies(self):
        return self.value("sts_processing_latency_seconds_count")
