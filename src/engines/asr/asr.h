/* engines/asr/asr.h: speech to text. Drivers: pocketsphinx (en), null (hears nothing).
 * A DubAsr belongs to one thread at a time; several may exist. What the recogniser learns of a voice (the cepstral
 * mean) is a DubAsrStream, so that any decoder of a pool can go on with any stream. */
#pragma once

#include "audio/pcm.h"

#include <gio/gio.h>
#include <stdbool.h>

typedef struct {
    char *text;
    int64_t start_ns, end_ns; /* within the block, 0 = its first sample */
} DubAsrWord;

typedef struct {
    char *text;      /* "" when nothing was said */
    GArray *words;   /* of DubAsrWord, in order; empty when the engine gives no times */
} DubTranscript;
void dub_transcript_free(DubTranscript *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubTranscript, dub_transcript_free)

typedef struct _DubAsr DubAsr;
typedef struct _DubAsrStream DubAsrStream;

typedef struct {
    const char *name;             /* "pocketsphinx" */
    const char *const *languages; /* ISO 639-1, ended by NULL */
    unsigned rate_hz;             /* what it wants to hear, mono; transcribe() converts */
    double cost;                  /* processing seconds a second of speech, one core, for the first estimate */
    const char *package;          /* Debian package that brings it, for doctor */
} DubAsrDriver;
const DubAsrDriver *const *dub_asr_drivers(void); /* ended by NULL */

/* @driver: NULL for the default of @language. @model: NULL for the driver's own. %DUB_ERROR_UNSUPPORTED for a language
 * no driver has (the message lists those there are), %DUB_ERROR_ENGINE when the model cannot be loaded (names the
 * package to install). Loads for up to seconds. */
DubAsr *dub_asr_open(const char *driver, const char *language, const char *model, GError **error);
void dub_asr_close(DubAsr *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubAsr, dub_asr_close)
const DubAsrDriver *dub_asr_get_driver(const DubAsr *self);
/* What the engine itself has used so far, on whatever threads called it: ns of CPU. */
int64_t dub_asr_cpu_ns(const DubAsr *self);

DubAsrStream *dub_asr_stream_new(void);
void dub_asr_stream_free(DubAsrStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubAsrStream, dub_asr_stream_free)

/* @stream: NULL for a block on its own. @cancellable: looked at every 200 ms of audio at least. */
DubTranscript *dub_asr_transcribe(DubAsr *self, DubAsrStream *stream, DubPcm *pcm, GCancellable *cancellable,
                                  GError **error);
