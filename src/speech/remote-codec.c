/* speech/remote-codec.c: a pool of one thread keeps the order and needs no lock: a job sees itself alone. */
#include "speech/remote-codec.h"

#include "audio/convert.h"
#include "base/clock.h"
#include "base/error.h"

/* What outlives the codec while a job is under way. */
typedef struct {
    gint refs; /* atomic */
    GMainContext *context;
    DubRemoteCodec *codec; /* NULL once it is freed; loop thread only */
} Home;

struct _DubRemoteCodec {
    Home *home;
    GThreadPool *pool;
    DubFragmentFormat format;
    unsigned wire_rate_hz, dub_rate_hz;
    DubRemoteCodecCallbacks callbacks;
    void *user_data;
};

/* Whose a job is. Atomic: what its owner did before handing it on is seen by the next one, by ThreadSanitizer
 * too, for which GLib's own locks do not exist. */
typedef enum { JOB_WAITS, JOB_IS_DONE } JobStage;

typedef struct {
    gint stage; /* a JobStage */
    Home *home;
    guint link;
    uint64_t sequence_number;
    DubFragmentFormat format;
    unsigned rate_hz;      /* to convert to */
    DubFragment *fragment; /* encoding: in */
    DubWireAudio *audio;   /* encoding: out */
    GBytes *bytes;         /* decoding: in */
    bool is_raw;
    unsigned declared_rate_hz, declared_channels;
    DubPcm *pcm; /* decoding: out */
    GError *error;
} Job;

static void home_unref(Home *home)
{
    if (!g_atomic_int_dec_and_test(&home->refs))
        return;
    g_main_context_unref(home->context);
    g_free(home);
}

static void job_free(void *data)
{
    Job *job = data;
    g_atomic_int_get(&job->stage);
    dub_fragment_free(job->fragment);
    dub_wire_audio_free(job->audio);
    g_clear_pointer(&job->bytes, g_bytes_unref);
    dub_pcm_unref(job->pcm);
    g_clear_error(&job->error);
    home_unref(job->home);
    g_free(job);
}

static void encode(Job *job)
{
    DubPcm *pcm = job->fragment->pcm;
    g_autoptr(DubPcm) converted = dub_pcm_convert(pcm, job->rate_hz, pcm->channels, &job->error);
    if (!converted)
        return;
    g_autoptr(GBytes) bytes = dub_fragment_encode(converted, job->format, &job->error);
    if (!bytes)
        return;
    const int64_t duration_ms = (dub_pcm_duration_ns(pcm) + DUB_NS_PER_MS / 2) / DUB_NS_PER_MS;
    job->audio = dub_wire_audio_new(dub_fragment_format_to_string(job->format), converted->rate_hz, converted->channels,
                                    duration_ms, bytes);
}

/* Bytes that are no container are taken for raw PCM only where the sender says they are. */
static void decode(Job *job)
{
    if (!job->is_raw && dub_fragment_sniff(job->bytes) == DUB_CONTENT_RAW) {
        g_set_error(&job->error, DUB_ERROR, DUB_ERROR_CORRUPT, "dubbed audio is neither MP4, ADTS nor WAV");
        return;
    }
    g_autoptr(DubPcm) pcm = dub_fragment_decode(job->bytes, job->declared_rate_hz, job->declared_channels, &job->error);
    if (pcm)
        job->pcm = dub_pcm_convert(pcm, job->rate_hz, pcm->channels, &job->error);
}

static gboolean on_job_done(void *data)
{
    Job *job = data;
    g_assert(g_atomic_int_get(&job->stage) == JOB_IS_DONE);
    const DubRemoteCodec *codec = job->home->codec;
    if (!codec)
        return G_SOURCE_REMOVE;
    if (job->fragment)
        codec->callbacks.on_encoded(job->link, job->fragment, g_steal_pointer(&job->audio), job->error,
                                    codec->user_data);
    else
        codec->callbacks.on_decoded(job->link, job->sequence_number, g_steal_pointer(&job->pcm), job->error,
                                    codec->user_data);
    return G_SOURCE_REMOVE;
}

static void run_job(void *data, G_GNUC_UNUSED void *user_data) /* pool thread: sees the job and nothing else */
{
    Job *job = data;
    g_assert(g_atomic_int_get(&job->stage) == JOB_WAITS);
    if (job->fragment)
        encode(job);
    else
        decode(job);
    g_autoptr(GMainContext) context = g_main_context_ref(job->home->context); /* the job may be gone while we attach */
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_job_done, job, job_free);
    g_atomic_int_set(&job->stage, JOB_IS_DONE);
    g_source_attach(source, context);
}

DubRemoteCodec *dub_remote_codec_new(DubFragmentFormat format, unsigned wire_rate_hz, unsigned dub_rate_hz,
                                     const DubRemoteCodecCallbacks *callbacks, void *user_data)
{
    DubRemoteCodec *self = g_new0(DubRemoteCodec, 1);
    self->format = format;
    self->wire_rate_hz = wire_rate_hz;
    self->dub_rate_hz = dub_rate_hz;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->home = g_new0(Home, 1);
    self->home->refs = 1;
    self->home->context = g_main_context_ref_thread_default();
    self->home->codec = self;
    self->pool = g_thread_pool_new_full(run_job, NULL, job_free, 1, FALSE, NULL);
    return self;
}

void dub_remote_codec_free(DubRemoteCodec *self)
{
    if (!self)
        return;
    self->home->codec = NULL;
    g_thread_pool_free(self->pool, TRUE, FALSE);
    home_unref(self->home);
    g_free(self);
}

static Job *job_new(DubRemoteCodec *self, guint link, uint64_t sequence_number, unsigned rate_hz)
{
    Job *job = g_new0(Job, 1);
    g_atomic_int_inc(&self->home->refs);
    job->home = self->home;
    job->link = link;
    job->sequence_number = sequence_number;
    job->format = self->format;
    job->rate_hz = rate_hz;
    return job;
}

static void hand_over(DubRemoteCodec *self, Job *job)
{
    g_atomic_int_set(&job->stage, JOB_WAITS);
    g_thread_pool_push(self->pool, job, NULL);
}

void dub_remote_codec_encode(DubRemoteCodec *self, guint link, DubFragment *fragment)
{
    Job *job = job_new(self, link, fragment->sequence_number, self->wire_rate_hz);
    job->fragment = fragment;
    hand_over(self, job);
}

void dub_remote_codec_decode(DubRemoteCodec *self, guint link, uint64_t sequence_number, const DubWireAudio *audio)
{
    Job *job = job_new(self, link, sequence_number, self->dub_rate_hz);
    job->bytes = dub_wire_audio_decode(audio);
    job->is_raw = g_str_equal(audio->format, "pcm_s16le");
    job->declared_rate_hz = audio->sample_rate_hz;
    job->declared_channels = audio->channels;
    hand_over(self, job);
}
