/* worker/runner.h: one stream for real: a DubWorker bound to a source, a sink and a speech backend.
 * Loop thread only: everything runs on the GMainContext that was thread-default at creation; callbacks never come from
 * inside a call, and none after dub_runner_free(). */
#pragma once

#include "media/head.h"
#include "worker/worker.h"

/* Makes the speech backend once the source's shape is known, and again after a failed one has rested.
 * NULL with @error: the stream cannot be dubbed at all and stops. */
typedef DubSpeech *(*DubRunnerSpeechFunc)(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks,
                                          void *callbacks_data, void *factory_data, GError **error);

typedef struct {
    const char *source_uri, *sink_uri; /* media/source.h, media/sink.h */
    unsigned sink_tracks_ms;           /* media/sink.h */
    unsigned audio_track;              /* of the source, from 1; 0: by source_language, see DubSourceChoice */
    unsigned commentary_track;         /* likewise: what is recognised, see DubSourceChoice; 0: what is heard */
    const char *audio_title;           /* (nullable) what players list the dub as; its language is target_language */
    bool keeps_original, is_original_default; /* a file's own sound as another track, see DubCarryChoice */
    bool is_sound_only;                       /* the dub goes into the output without the picture, but at its times */
    const GPtrArray *dubs; /* (transfer none) (nullable) the output's sound lies ready, see DubSinkConfig */
    bool has_texts;        /* the output gets a track of subtitles in target_language, by dub_runner_push_text() */
    const char *playback_url, *playback_path; /* media/head.h; NULL: the source as it comes */
    int64_t since_unix_ms;                    /* media/head.h, of the first opening */
    const char *source_language, *target_language, *voice;
    const char *stream_id, *worker_id, *takes_over; /* as DubSpeechConfig has them */
    unsigned max_inflight, timeout_ms;
    DubWorkerConfig worker; /* stream_id, timeout_ns and paced are filled in from the rest */
    DubRunnerSpeechFunc create_speech;
    void *factory_data;
} DubRunnerConfig;

typedef struct {
    void (*on_info)(const DubSourceInfo *info, void *user_data);
    void (*on_state)(DubWorkerState state, void *user_data);
    void (*on_fragment)(const DubWorkerFragment *fragment, void *user_data);
    /* (nullable) (transfer none): the two parts of the sound that the output gets next; files alone */
    void (*on_stems)(const DubPcm *bed, const DubPcm *dub, void *user_data);
    /* The output is to be opened: dub_runner_may_publish() answers, not from inside. NULL: it need not be asked for. */
    void (*on_claim)(void *user_data);
    void (*on_warning)(const char *text, void *user_data); /* (nullable) as media/sink.h's */
    /* @error: NULL after a clean end or a stop that was asked for. @output: where the result lies, NULL if there is
     * none. */
    void (*on_stopped)(const GError *error, const char *output, void *user_data);
} DubRunnerCallbacks;

typedef struct _DubRunner DubRunner;
/* Strings of @config are copied. Fails at once for what cannot work (missing file, unknown scheme). */
DubRunner *dub_runner_new(const DubRunnerConfig *config, const DubRunnerCallbacks *callbacks, void *user_data,
                          GError **error);
void dub_runner_start(DubRunner *self);
/* As dub_worker_stop(): drains, then on_stopped; a file that was cut short gets its ".partial" name. */
void dub_runner_stop(DubRunner *self, unsigned within_ms);
/* As dub_worker_resume(). @source_uri: where the source is now; @is_same: what the source goes on with began before:
 * nothing of it is to be fetched and played again. */
bool dub_runner_resume(DubRunner *self, const char *source_uri, bool is_same);
void dub_runner_source_gone(DubRunner *self);                      /* as its end, for who knows of it sooner */
void dub_runner_may_publish(DubRunner *self, const GError *error); /* @error: why not; NULL: the output is ours */
bool dub_runner_is_publishing(const DubRunner *self);
/* A subtitle for the output, in output time. No later than from inside on_fragment, for that fragment. */
void dub_runner_push_text(DubRunner *self, const char *text, int64_t pts_ns, int64_t duration_ns);
void dub_runner_stats(const DubRunner *self, DubWorkerStats *stats);
int64_t dub_runner_encoding_cpu_ns(const DubRunner *self); /* CPU time of the output's AAC encoder so far */
DubWorkerState dub_runner_state(const DubRunner *self);
void dub_runner_free(DubRunner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRunner, dub_runner_free)
