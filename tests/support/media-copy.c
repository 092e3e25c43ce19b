/* tests/support/media-copy.c: a source linked to a sink, to try both from outside.
 *   media-copy [--pcm FILE] [--pts FILE] [--stop-after SECONDS] [--tracks-ms MS] [--audio-track N] [--language L]
 *              [--to LANGUAGE] [--title TEXT] [--keep-original] [--default-original] [--text TEXT] IN [OUT]
 * Without OUT the source is only read. Ends with one line of JSON on stdout, or one line of error and its exit status.
 */
#include "base/error.h"
#include "base/log.h"
#include "media/sink.h"
#include "media/source.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    GMainLoop *loop;
    DubSource *source;
    DubSink *sink;
    const char *output;
    bool is_live_output, is_sink_ending;
    FILE *pcm_file, *pts_file;
    double stop_after_s;
    int tracks_ms;
    char *to, *title, *text;
    gboolean keeps_original, is_original_default;
    DubSourceInfo info;
    char *video_caps;
    int64_t n_video, n_audio_frames, n_pushed_frames;
    int64_t first_video_ns, last_video_ns, first_audio_ns, end_audio_ns, max_gap_ns;
    int status;
} Copy;

static void end(Copy *copy, const GError *error)
{
    if (error) {
        fprintf(stderr, "media-copy: %s\n", error->message);
        copy->status = dub_error_exit_status(error);
    }
    g_main_loop_quit(copy->loop);
}

static void on_room(void *user_data)
{
    Copy *copy = user_data;
    dub_source_set_held(copy->source, false);
}

static void on_finished(void *user_data)
{
    Copy *copy = user_data;
    end(copy, NULL);
}

static void on_sink_error(const GError *error, void *user_data)
{
    end(user_data, error);
}

static void end_sink(Copy *copy, DubSinkEnding ending)
{
    if (!copy->sink)
        end(copy, NULL);
    else if (!copy->is_sink_ending)
        dub_sink_end(copy->sink, ending);
    copy->is_sink_ending = true;
}

static void open_sink(Copy *copy, const DubSourceInfo *info)
{
    const DubSinkCallbacks callbacks = { on_room, on_finished, on_sink_error };
    const DubSinkConfig config = {
        .uri = copy->output,
        .video_caps = info->video_caps,
        .video_format = info->video_format,
        .audio_language = copy->to,
        .audio_title = copy->title,
        .carried = info->carried,
        .carry = { copy->keeps_original, copy->is_original_default, NULL },
        .text_language = copy->text ? copy->to : NULL,
        .rate_hz = info->rate_hz,
        .channels = info->channels,
        .live = copy->is_live_output,
        .tracks_ms = (unsigned) copy->tracks_ms,
    };
    g_autoptr(GError) error = NULL;
    copy->sink = dub_sink_new(&config, &callbacks, copy, &error);
    if (!copy->sink)
        end(copy, error);
    else if (copy->text)
        dub_sink_push_text(copy->sink, copy->text, DUB_NS_PER_S, 2 * DUB_NS_PER_S);
}

static void print_left_out(const Copy *copy, const DubSourceInfo *info)
{
    DubContainer container;
    if (!info->carried || !dub_container_from_uri(copy->output, &container, NULL))
        return;
    g_auto(GStrv) left_out = dub_carried_tracks_left_out(info->carried, container);
    g_autofree char *text = g_strjoinv(", ", left_out);
    if (*text)
        fprintf(stderr, "not carried over: %s\n", text);
}

static void on_info(const DubSourceInfo *info, void *user_data)
{
    Copy *copy = user_data;
    copy->info = *info;
    copy->video_caps = info->video_caps ? gst_caps_to_string(info->video_caps) : g_strdup("none");
    if (copy->output) {
        print_left_out(copy, info);
        open_sink(copy, info);
    }
}

static void on_video(DubAccessUnit *unit, void *user_data)
{
    Copy *copy = user_data;
    if (!copy->n_video++)
        copy->first_video_ns = unit->pts_ns;
    copy->last_video_ns = MAX(copy->last_video_ns, unit->pts_ns);
    if (copy->pts_file)
        fprintf(copy->pts_file, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %d %zu\n", unit->pts_ns,
                unit->dts_ns == DUB_TIME_NONE ? -1 : unit->dts_ns, unit->key_frame, gst_buffer_get_size(unit->buffer));
    if (!copy->sink || copy->is_sink_ending) {
        dub_access_unit_free(unit);
        return;
    }
    dub_sink_push_video(copy->sink, unit, unit->pts_ns, unit->dts_ns);
    if (!copy->is_live_output && dub_sink_is_full(copy->sink))
        dub_source_set_held(copy->source, true);
}

/* The sink wants contiguous sound from 0: silence where the source has none yet, nothing twice. */
static void push_audio(Copy *copy, DubPcm *pcm, int64_t pts_ns)
{
    const int64_t wanted = dub_ns_to_samples(pts_ns, pcm->rate_hz);
    const int64_t missing = wanted - copy->n_pushed_frames;
    if (missing > (int64_t) pcm->rate_hz / 50) {
        dub_sink_push_audio(copy->sink, dub_pcm_new(pcm->rate_hz, pcm->channels, (gsize) missing));
        copy->n_pushed_frames += missing;
    }
    copy->n_pushed_frames += (int64_t) pcm->n_frames;
    dub_sink_push_audio(copy->sink, pcm);
    if (!copy->is_live_output && dub_sink_is_full(copy->sink))
        dub_source_set_held(copy->source, true);
}

static void on_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    Copy *copy = user_data;
    if (!copy->n_audio_frames)
        copy->first_audio_ns = copy->end_audio_ns = pts_ns;
    copy->max_gap_ns = MAX(copy->max_gap_ns, ABS(pts_ns - copy->end_audio_ns));
    copy->end_audio_ns = pts_ns + dub_pcm_duration_ns(pcm);
    copy->n_audio_frames += (int64_t) pcm->n_frames;
    if (copy->pcm_file)
        fwrite(pcm->samples, sizeof(float) * pcm->channels, pcm->n_frames, copy->pcm_file);
    if (copy->sink && !copy->is_sink_ending)
        push_audio(copy, pcm, pts_ns);
    else
        dub_pcm_unref(pcm);
}

static void on_source_eos(void *user_data)
{
    end_sink(user_data, DUB_SINK_COMPLETE);
}

/* What came before is good: it is kept under the name of an interrupted result. */
static void on_source_error(const GError *error, void *user_data)
{
    Copy *copy = user_data;
    if (!copy->sink) {
        end(copy, error);
        return;
    }
    fprintf(stderr, "media-copy: %s\n", error->message);
    copy->status = dub_error_exit_status(error);
    end_sink(copy, DUB_SINK_INTERRUPTED);
}

static gboolean on_stop(void *data)
{
    end_sink(data, DUB_SINK_INTERRUPTED);
    return G_SOURCE_CONTINUE;
}

static void print_summary(const Copy *copy)
{
    printf("{\"n_video\": %" G_GINT64_FORMAT ", \"first_video_ns\": %" G_GINT64_FORMAT
           ", \"last_video_ns\": %" G_GINT64_FORMAT
           ", \"rate_hz\": %u, \"channels\": %u, \"n_audio_frames\": %" G_GINT64_FORMAT
           ", \"first_audio_ns\": %" G_GINT64_FORMAT ", \"end_audio_ns\": %" G_GINT64_FORMAT
           ", \"max_gap_ns\": %" G_GINT64_FORMAT ", \"duration_ns\": %" G_GINT64_FORMAT
           ", \"live\": %s, \"video\": \"%s\"}\n",
           copy->n_video, copy->first_video_ns, copy->last_video_ns, copy->info.rate_hz, copy->info.channels,
           copy->n_audio_frames, copy->first_audio_ns, copy->end_audio_ns, copy->max_gap_ns,
           copy->info.duration_ns == DUB_TIME_NONE ? -1 : copy->info.duration_ns, copy->info.live ? "true" : "false",
           copy->video_caps ? copy->video_caps : "");
}

int main(int argc, char **argv)
{
    Copy copy = { 0 };
    g_autofree char *pcm_path = NULL, *pts_path = NULL;
    int audio_track = 0;
    DubSourceChoice choice = { 0 };
    const GOptionEntry entries[] = {
        { "audio-track", 0, 0, G_OPTION_ARG_INT, &audio_track, "which, from 1", "N" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &copy.to, "the language that OUT says its sound is in", "LANGUAGE" },
        { "title", 0, 0, G_OPTION_ARG_STRING, &copy.title, "… and what it calls it", "TEXT" },
        { "text", 0, 0, G_OPTION_ARG_STRING, &copy.text, "a subtitle for OUT, from 1 to 3 s", "TEXT" },
        { "keep-original", 0, 0, G_OPTION_ARG_NONE, &copy.keeps_original, "… as a track of its own", NULL },
        { "default-original", 0, 0, G_OPTION_ARG_NONE, &copy.is_original_default, "… that players take", NULL },
        { "language", 0, 0, G_OPTION_ARG_STRING, &choice.language, "or the one in this language", "LANGUAGE" },
        { "pcm", 0, 0, G_OPTION_ARG_FILENAME, &pcm_path, "write the PCM as float32", "FILE" },
        { "pts", 0, 0, G_OPTION_ARG_FILENAME, &pts_path, "write PTS, DTS, key frame, size of each video unit", "FILE" },
        { "stop-after", 0, 0, G_OPTION_ARG_DOUBLE, &copy.stop_after_s, "stop then", "SECONDS" },
        { "tracks-ms", 0, 0, G_OPTION_ARG_INT, &copy.tracks_ms, "RTMP: the tracks again, at this timestamp", "MS" },
        { 0 },
    };
    setlocale(LC_ALL, "C.UTF-8");
    dub_log_setup("media-copy", g_getenv("MEDIA_COPY_DEBUG") ? DUB_LOG_DEBUG : DUB_LOG_WARNING, DUB_LOG_TEXT);
    gst_init(NULL, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("IN [OUT]");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error) || argc < 2) {
        fprintf(stderr, "media-copy: %s\n", error ? error->message : "IN is missing");
        return 2;
    }
    copy.pcm_file = pcm_path ? fopen(pcm_path, "wb") : NULL;
    copy.pts_file = pts_path ? fopen(pts_path, "w") : NULL;
    copy.loop = g_main_loop_new(NULL, FALSE);

    choice.audio_track = (unsigned) MAX(audio_track, 0);
    if (argc > 2)
        dub_sink_choose(argv[2], &choice);
    const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_source_eos, on_source_error };
    copy.source = dub_source_new(argv[1], &choice, &callbacks, &copy, &error);
    if (!copy.source) {
        fprintf(stderr, "media-copy: %s\n", error->message);
        return dub_error_exit_status(error);
    }
    if (copy.stop_after_s > 0)
        g_timeout_add((guint) (copy.stop_after_s * 1000), on_stop, &copy);
    g_unix_signal_add(SIGINT, on_stop, &copy);
    copy.output = argc > 2 ? argv[2] : NULL;
    copy.is_live_output = copy.output && strstr(copy.output, "://") && !g_str_has_prefix(copy.output, "file://");
    dub_source_start(copy.source);
    g_main_loop_run(copy.loop);
    dub_source_free(copy.source);
    dub_sink_free(copy.sink);
    print_summary(&copy);
    if (copy.pcm_file)
        fclose(copy.pcm_file);
    if (copy.pts_file)
        fclose(copy.pts_file);
    g_main_loop_unref(copy.loop);
    g_free(copy.video_caps);
    g_free(copy.to);
    g_free(copy.title);
    g_free(copy.text);
    return copy.status;
}
