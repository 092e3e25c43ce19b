/* speech/speech.c: what both backends share: dispatch, fragments, results. */
#include "speech/speech.h"

#include <glib.h>

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
    g_free(self);
}

const char *dub_speech_status_to_string(DubSpeechStatus status)
{
    switch (status) {
    case DUB_SPEECH_SUCCESS: return "success";
    case DUB_SPEECH_PARTIAL: return "partial";
    case DUB_SPEECH_FAILED:  return "failed";
    }
    return "invalid";
}

DubSpeechResult *dub_speech_result_new(uint64_t sequence_number)
{
    DubSpeechResult *self = g_new0(DubSpeechResult, 1);
    self->sequence_number = sequence_number;
    self->transcript = g_strdup("");
    self->translated_text = g_strdup("");
    self->speech_start_ns = self->speech_end_ns = -1;
    return self;
}

void dub_speech_result_free(DubSpeechResult *self)
{
    if (!self)
        return;
    dub_pcm_unref(self->dub);
    g_free(self->transcript);
    g_free(self->translated_text);
    g_free(self->error_code);
    g_free(self->error_message);
    g_free(self->error_stage);
    g_free(self);
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
