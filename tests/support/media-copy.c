/* tests/support/media-copy.c: a source linked to a sink, to try both from outside.
 *   media-copy [--pcm FILE] [--pts FILE] [--stop-after SECONDS] IN [OUT]
 * Without OUT the source is only read. Ends with one line of JSON on stdout, or one line of error and its exit status. */
#include "base/error.h"
#include "base/log.h"
#include "media/source.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>

typedef struct {
    GMainLoop *loop;
    DubSource *source;
    FILE *pcm_file, *pts_file;
    double stop_after_s;
    DubSourceInfo info;
    char *video_caps;
    int64_t n_video, n_audio_frames;
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

static void on_info(const DubSourceInfo *info, void *user_data)
{
    Copy *copy = user_data;
    copy->info = *info;
    copy->video_caps = info->video_caps ? gst_caps_to_string(info->video_caps) : g_strdup("none");
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
    dub_access_unit_free(unit);
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
    dub_pcm_unref(pcm);
}

static void on_source_eos(void *user_data)
{
    end(user_data, NULL);
}

static void on_source_error(const GError *error, void *user_data)
{
    end(user_data, error);
}

static gboolean on_stop(void *data)
{
    end(data, NULL);
    return G_SOURCE_REMOVE;
}

static void print_summary(const Copy *copy)
{
    printf("{\"n_video\": %" G_GINT64_FORMAT ", \"first_video_ns\": %" G_GINT64_FORMAT ", \"last_video_ns\": %" G_GINT64_FORMAT
           ", \"rate_hz\": %u, \"channels\": %u, \"n_audio_frames\": %" G_GINT64_FORMAT ", \"first_audio_ns\": %" G_GINT64_FORMAT
           ", \"end_audio_ns\": %" G_GINT64_FORMAT ", \"max_gap_ns\": %" G_GINT64_FORMAT ", \"duration_ns\": %" G_GINT64_FORMAT
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
    const GOptionEntry entries[] = {
        { "pcm", 0, 0, G_OPTION_ARG_FILENAME, &pcm_path, "write the PCM as float32", "FILE" },
        { "pts", 0, 0, G_OPTION_ARG_FILENAME, &pts_path, "write PTS, DTS, key frame, size of each video unit", "FILE" },
        { "stop-after", 0, 0, G_OPTION_ARG_DOUBLE, &copy.stop_after_s, "stop then", "SECONDS" },
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

    const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_source_eos, on_source_error };
    copy.source = dub_source_new(argv[1], &callbacks, &copy, &error);
    if (!copy.source) {
        fprintf(stderr, "media-copy: %s\n", error->message);
        return dub_error_exit_status(error);
    }
    if (copy.stop_after_s > 0)
        g_timeout_add((guint) (copy.stop_after_s * 1000), on_stop, &copy);
    g_unix_signal_add(SIGINT, on_stop, &copy);
    dub_source_start(copy.source);
    g_main_loop_run(copy.loop);
    dub_source_free(copy.source);
    print_summary(&copy);
    if (copy.pcm_file)
        fclose(copy.pcm_file);
    if (copy.pts_file)
        fclose(copy.pts_file);
    g_main_loop_unref(copy.loop);
    g_free(copy.video_caps);
    return copy.status;
}
