/* airdub/probe-report.h: what `airdub sts-probe` counts and prints. Main thread only. */
#pragma once

#include "airdub/probe-options.h"
#include "airdub/probe-stream.h"

typedef struct _ProbeReport ProbeReport;

ProbeReport *probe_report_new(const ProbeOptions *options); /* which must outlive it */
void probe_report_free(ProbeReport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProbeReport, probe_report_free)

/* @n_fragments: that each stream sends */
void probe_report_start(ProbeReport *self, const ProbeClip *clip, uint64_t n_fragments);
void probe_report_result(ProbeReport *self, const ProbeResult *result, int64_t now_ns);
void probe_report_pressure(ProbeReport *self);
void probe_report_stream_failed(ProbeReport *self, const GError *error);
/* @unanswered: sent, and no longer waited for. @failure: (nullable) what the exit status will say */
void probe_report_summary(const ProbeReport *self, guint unanswered, const GError *failure);

bool probe_report_is_empty(const ProbeReport *self); /* no fragment has come to an end */
/* Returns: (transfer full): why this is no success, NULL when it is: the first stream's failure, else what became of
 * fragments */
GError *probe_report_failure(const ProbeReport *self);
