/* media/file-format.c: probing, and which quality of a playlist is read. */
#include "media/file-format.h"

#include "base/error.h"

#include <string.h>

#define FILE_PROBE_BYTES (64 * 1024 * 1024) /* a track may begin late */
#define FILE_ANALYZE_US  (30 * INT64_C(1000000))
#define PIPE_PROBE_BYTES (2 * 1024 * 1024) /* what is probed arrives in real time, perhaps */
#define PIPE_ANALYZE_US  INT64_C(1000000)
#define PROTOCOLS        "file,crypto,data" /* what a playlist may name: a file must not make us call a server */

static int on_interrupt(void *user_data)
{
    return g_cancellable_is_cancelled(user_data);
}

bool dub_file_format_is_hls(const AVInputFormat *demuxer)
{
    return g_str_equal(demuxer->name, "hls");
}

/* Some formats open what they name by themselves, past http-nested.c. */
static bool is_for_network(const AVInputFormat *demuxer)
{
    return !(demuxer->flags & AVFMT_NOFILE) && !g_str_equal(demuxer->name, "dash") &&
           !g_str_equal(demuxer->name, "concat");
}

/* What arrives in real time, perhaps, is not waited for as long as what lies there. */
static void set_probing(AVFormatContext *format, bool is_pipe)
{
    format->probesize = is_pipe ? PIPE_PROBE_BYTES : FILE_PROBE_BYTES;
    format->max_analyze_duration = is_pipe ? PIPE_ANALYZE_US : FILE_ANALYZE_US;
}

static void set_up(DubFileFormat *self, DubInput *input, const DubFileFormatConfig *config,
                   const AVInputFormat *demuxer)
{
    self->format = avformat_alloc_context();
    self->format->pb = dub_input_io(input);
    self->format->interrupt_callback = (AVIOInterruptCB){ on_interrupt, config->cancellable };
    self->format->flags |= AVFMT_FLAG_GENPTS;
    set_probing(self->format, dub_input_size(input) < 0 || (config->http && dub_file_format_is_hls(demuxer)));
    if (!config->http)
        return;
    if (strstr(demuxer->name, "mp4")) /* in fragments it has no index: to look for one would ask for each of them */
        self->format->flags |= AVFMT_FLAG_IGNIDX;
    self->nested = dub_http_nested_new(config->http, config->name, config->cancellable, self->format);
}

/* Nothing is opened from a server that is not on one, so what an address ends with is of no matter there. */
static AVDictionary *make_options(bool is_network)
{
    AVDictionary *options = NULL;
    if (!is_network) {
        av_dict_set(&options, "protocol_whitelist", PROTOCOLS, 0);
        return options;
    }
    av_dict_set(&options, "allowed_extensions", "ALL", 0);
    av_dict_set(&options, "extension_picky", "0", 0);
    av_dict_set(&options, "http_persistent", "0", 0);
    av_dict_set(&options, "http_multiple", "0", 0);
    return options;
}

static const AVProgram *best_variant(const AVFormatContext *format)
{
    int64_t most = -1;
    const AVProgram *best = NULL;
    for (unsigned i = 0; i < format->nb_programs; i++) {
        const AVDictionaryEntry *entry = av_dict_get(format->programs[i]->metadata, "variant_bitrate", NULL, 0);
        const int64_t bitrate = entry ? g_ascii_strtoll(entry->value, NULL, 10) : 0;
        if (format->programs[i]->nb_stream_indexes > 0 && bitrate > most) {
            most = bitrate;
            best = format->programs[i];
        }
    }
    return best;
}

/* A playlist of playlists has the same in several qualities: the best is read, and no other downloaded. */
static void choose_variant(const DubFileFormat *self)
{
    AVFormatContext *format = self->format;
    const AVProgram *best = best_variant(format);
    if (!best)
        return;
    for (unsigned i = 0; i < format->nb_streams; i++)
        format->streams[i]->discard = AVDISCARD_ALL;
    for (unsigned i = 0; i < best->nb_stream_indexes; i++)
        format->streams[best->stream_index[i]]->discard = AVDISCARD_DEFAULT;
    for (unsigned i = 0; i < format->nb_programs; i++)
        if (format->programs[i] != best)
            format->programs[i]->discard = AVDISCARD_ALL;
    if (self->nested && format->nb_programs > 1)
        dub_http_nested_forget_error(self->nested); /* another quality that is not there is no loss */
}

/* Returns: (nullable): which demuxer reads it */
static const AVInputFormat *probe(DubInput *input, const DubFileFormatConfig *config, int *score, GError **error)
{
    const AVInputFormat *demuxer = NULL;
    const gsize most = dub_input_size(input) < 0 ? PIPE_PROBE_BYTES : 0;
    g_autofree char *name = g_strndup(config->path, config->http ? strcspn(config->path, "?#") : strlen(config->path));
    const int guess = av_probe_input_buffer2(dub_input_io(input), &demuxer, name, NULL, 0, (unsigned) most);
    *score = MAX(guess, 0);
    if (guess < 0 || !config->http || is_for_network(demuxer))
        return guess < 0 ? NULL : demuxer;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: this format (%s) cannot be read from a server",
                config->name, demuxer->name);
    return NULL;
}

bool dub_file_format_open(DubInput *input, const DubFileFormatConfig *config, DubFileFormat *opened, GError **error)
{
    *opened = (DubFileFormat){ .status = AVERROR_DEMUXER_NOT_FOUND };
    const AVInputFormat *demuxer = probe(input, config, &opened->score, error);
    if (!demuxer)
        return false;
    set_up(opened, input, config, demuxer);
    AVDictionary *options = make_options(config->http != NULL);
    opened->status =
        avformat_open_input(&opened->format, config->path, demuxer, &options); /* frees it where it fails */
    av_dict_free(&options);
    if (opened->status >= 0 && dub_file_format_is_hls(demuxer)) {
        choose_variant(opened);
        set_probing(opened->format, config->http && opened->format->duration <= 0);
    }
    if (opened->status >= 0)
        opened->status = avformat_find_stream_info(opened->format, NULL);
    if (opened->status < 0)
        avformat_close_input(&opened->format);
    return opened->status >= 0;
}
