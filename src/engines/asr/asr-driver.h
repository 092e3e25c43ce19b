/* engines/asr/asr-driver.h: what a recogniser implements. For the files of this folder only. */
#pragma once

#include "engines/asr/asr.h"

#define DUB_ASR_MEAN_DIMENSIONS 13

typedef struct {
    DubAsrDriver info;
    DubAsr *(*open)(const char *language, const char *model, GError **error);
    void (*close)(DubAsr *self);
    /* @pcm: mono at info.rate_hz, at least one frame; @stream: never NULL */
    DubTranscript *(*transcribe)(DubAsr *self, DubAsrStream *stream, const DubPcm *pcm, GCancellable *cancellable,
                                 GError **error);
} DubAsrClass;

struct _DubAsr { /* a driver's own struct begins with it */
    const DubAsrClass *klass;
    int64_t cpu_ns; /* kept by asr.c */
};

struct _DubAsrStream {
    float mean[DUB_ASR_MEAN_DIMENSIONS]; /* of the cepstra of the speech heard so far */
    double weight;                       /* frames that stand behind it; 0: nothing heard yet */
};

extern const DubAsrClass dub_asr_pocketsphinx;
extern const DubAsrClass dub_asr_null;

DubTranscript *dub_transcript_new(void);
/* @word: (transfer none). Also appends it to the text. */
void dub_transcript_add(DubTranscript *self, const char *word, int64_t start_ns, int64_t end_ns);
