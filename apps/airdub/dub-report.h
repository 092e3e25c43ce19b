/* airdub/dub-report.h: what `airdub dub` shows on stdout while it works, and at its end. Main thread only.
 * On a terminal one line is rewritten; otherwise a plain line every few seconds; with --json an object a line. */
#pragma once

#include "speech/lanes.h"
#include "worker/runner.h"

typedef enum {
    DUB_REPORT_TERMINAL,
    DUB_REPORT_PLAIN,
    DUB_REPORT_JSON,
    DUB_REPORT_QUIET,
} DubReportStyle;

typedef struct _DubReport DubReport;
/* @tell_fragments: what was said in each; always in JSON. @now_ns: what the summary counts from */
DubReport *dub_report_new(DubReportStyle style, bool tell_fragments, int64_t now_ns);

/* What loading the engines took; not called where they run elsewhere. */
void dub_report_loaded(DubReport *self, int64_t loading_cpu_ns);
/* @paced: it runs in real time, so that a delay says more than a speed; @left_out: (nullable) what of IN goes into OUT
 * neither dubbed nor as it is */
void dub_report_start(DubReport *self, const char *in, const char *out, const char *from, const char *to, bool paced,
                      const DubSourceInfo *info, char **left_out);
void dub_report_fragment(DubReport *self, const DubWorkerFragment *fragment);
void dub_report_progress(DubReport *self, const DubWorkerStats *stats,
                         int64_t now_ns); /* at any rate: it thins out itself */
/* @codec_ns: CPU time of the output's encoder; @output: NULL if there is none; @subtitles: names, ended by NULL, or
 * NULL */
void dub_report_done(DubReport *self, const DubWorkerStats *stats, int64_t codec_ns, const char *output,
                     char **subtitles, bool interrupted, int64_t now_ns);
/* How many fragments were there already, and how many the engines were asked for. */
void dub_report_kept(DubReport *self, uint64_t n_kept, uint64_t n_asked);
void dub_report_warning(DubReport *self, const char *text); /* to people on stderr, also when quiet */
void dub_report_end_line(DubReport *self);                  /* before anyone else writes to the terminal */
void dub_report_free(DubReport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubReport, dub_report_free)
