/* speech/speech.c: what both backends share: dispatch, fragments, results. */
#include "speech/speech.h"

#include "base/clock.h"

#include <math.h>

DubFragment *dub_fragment_new(uint64_t sequence_number, int64_t start_ns, DubPcm *pcm)
{
    DubFragment *self = g_new0(DubFragment, 1);
    self->sequence_number = sequence_number;
    self->start_ns = start_ns;
    self->pcm = pcm;
    return self;
}

void dub_fragment_free(DubFragment *self)
{
    if (!self)
        return;
    dub_pcm_unref(self->pcm);
    g_strfreev(self->log_tags);
    g_clear_pointer(&self->given, g_ptr_array_unref);
    g_free(self);
}

static void set_if_missing(char **text)
{
    if (!*text)
        *text = g_strdup("");
}

DubSpeechResult *dub_speech_result_new_for(uint64_t sequence_number, DubFragmentProcessed *answer)
{
    DubSpeechResult *self = g_new0(DubSpeechResult, 1);
    self->sequence_number = sequence_number;
    self->answer = answer;
    set_if_missing(&answer->transcript);
    set_if_missing(&answer->translated_text);
    return self;
}

DubSpeechResult *dub_speech_result_new(uint64_t sequence_number)
{
    return dub_speech_result_new_for(sequence_number, dub_fragment_processed_new());
}

void dub_speech_result_free(DubSpeechResult *self)
{
    if (!self)
        return;
    dub_pcm_unref(self->dub);
    g_clear_pointer(&self->lines, g_ptr_array_unref);
    dub_fragment_processed_free(self->answer);
    g_free(self);
}

bool dub_speech_result_span(const DubSpeechResult *self, int64_t *start_ns, int64_t *end_ns)
{
    double start_ms, end_ms;
    const bool known = dub_fragment_processed_speech(self->answer, &start_ms, &end_ms);
    *start_ns = known ? llround(start_ms * (double) DUB_NS_PER_MS) : -1;
    *end_ns = known ? llround(end_ms * (double) DUB_NS_PER_MS) : -1;
    return known;
}

void dub_speech_start(DubSpeech *self)
{
    self->klass->start(self);
}

void dub_speech_submit(DubSpeech *self, DubFragment *fragment)
{
    self->klass->submit(self, fragment);
}

void dub_speech_applied(DubSpeech *self, uint64_t sequence_number)
{
    if (self->klass->applied)
        self->klass->applied(self, sequence_number);
}

void dub_speech_end(DubSpeech *self)
{
    self->klass->end(self);
}

void dub_speech_free(DubSpeech *self)
{
    if (self)
        self->klass->free(self);
}
