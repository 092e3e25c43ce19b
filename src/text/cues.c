/* text/cues.c: libavcodec turns every kind of subtitle into lines of ASS, whose last field is the text. */
#include "text/cues.h"

#include "audio/libav-setup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

#include <glib/gstdio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define FIELDS_BEFORE_TEXT 8 /* ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect */
#define LONGEST_S          1e6
#define DEFAULT_NS         (3 * DUB_NS_PER_S) /* of a cue without an end */

static void cue_free(void *data)
{
    DubCue *cue = data;
    g_free(cue->text);
    g_free(cue);
}

/* Blanks and line breaks become one blank each. */
static char *one_line(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    g_autoptr(GString) line = g_string_new(NULL);
    for (char **word = words; *word; word++) {
        if (**word && line->len)
            g_string_append_c(line, ' ');
        g_string_append(line, *word);
    }
    return g_string_free(g_steal_pointer(&line), FALSE);
}

static void add(GPtrArray *cues, int64_t start_ns, int64_t end_ns, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *line = one_line(valid);
    if (!*line)
        return;
    DubCue *cue = g_new(DubCue, 1);
    *cue = (DubCue){ MAX(start_ns, 0), end_ns > MAX(start_ns, 0) ? end_ns : MAX(start_ns, 0) + DEFAULT_NS,
                     g_steal_pointer(&line) };
    g_ptr_array_add(cues, cue);
}

static int compare_cues(const void *a, const void *b)
{
    const DubCue *x = *(DubCue *const *) a, *y = *(DubCue *const *) b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* --- subtitles --- */

/* "{\i1}Good{\i0}\Nevening" -> "Good evening" */
static void append_plain(GString *out, const char *ass)
{
    for (const char *at = ass; *at;) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (close) {
            at = close + 1;
        } else if (at[0] == '\\' && at[1] && strchr("Nnh", at[1])) {
            g_string_append_c(out, ' ');
            at += 2;
        } else {
            g_string_append_c(out, *at++);
        }
    }
    g_string_append_c(out, ' ');
}

static void append_rect(GString *out, const AVSubtitleRect *rect)
{
    const char *text = rect->type == SUBTITLE_ASS ? rect->ass : NULL;
    for (int i = 0; text && i < FIELDS_BEFORE_TEXT; i++) {
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    if (text)
        append_plain(out, text);
    else if (rect->type == SUBTITLE_TEXT && rect->text)
        g_string_append_printf(out, "%s ", rect->text);
}

static void add_packet(GPtrArray *cues, AVCodecContext *decoder, const AVStream *stream, AVPacket *packet)
{
    AVSubtitle subtitle = { 0 };
    int is_shown = 0;
    if (avcodec_decode_subtitle2(decoder, &subtitle, &is_shown, packet) < 0 || !is_shown)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < subtitle.num_rects; i++)
        append_rect(text, subtitle.rects[i]);
    avsubtitle_free(&subtitle);
    const AVRational ns = { 1, (int) DUB_NS_PER_S };
    const int64_t start_ns = av_rescale_q(packet->pts, stream->time_base, ns);
    add(cues, start_ns, start_ns + av_rescale_q(packet->duration, stream->time_base, ns), text->str);
}

static AVCodecContext *open_decoder(const AVStream *stream)
{
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (decoder && avcodec_parameters_to_context(decoder, stream->codecpar) >= 0) {
        decoder->pkt_timebase = stream->time_base;
        if (avcodec_open2(decoder, codec, NULL) >= 0)
            return decoder;
    }
    avcodec_free_context(&decoder);
    return NULL;
}

static void read_packets(GPtrArray *cues, AVFormatContext *format, int index)
{
    const AVStream *stream = format->streams[index];
    AVCodecContext *decoder = open_decoder(stream);
    AVPacket *packet = av_packet_alloc();
    while (decoder && av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == index)
            add_packet(cues, decoder, stream, packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
}

static bool read_subtitles(GPtrArray *cues, const char *path)
{
    AVFormatContext *format = NULL;
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    g_autofree char *url = g_strconcat("file:", path, NULL); /* a colon in its name makes it no protocol */
    const int status = avformat_open_input(&format, url, NULL, &options);
    av_dict_free(&options);
    const int index = status >= 0 ? av_find_best_stream(format, AVMEDIA_TYPE_SUBTITLE, -1, -1, NULL, 0) : -1;
    if (index >= 0)
        read_packets(cues, format, index);
    avformat_close_input(&format);
    return index >= 0;
}

/* --- JSON --- */

static bool get_time(const DubJson *item, const char *name, double *time_s, GError **error)
{
    if (!dub_json_get_double(item, name, DUB_JSON_REQUIRED, time_s, error))
        return false;
    if (isfinite(*time_s) && *time_s >= 0 && *time_s <= LONGEST_S)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: %g is no time in seconds", name, *time_s);
    return false;
}

static bool read_json(GPtrArray *cues, const char *text, gsize length, GError **error)
{
    g_autoptr(DubJson) root = dub_json_parse(text, length, error);
    const DubJson *list = json_is_object(root) ? json_object_get(root, "segments") : root;
    if (root && !json_is_array(list))
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "neither a list nor an object with \"segments\"");
    if (!json_is_array(list))
        return false;
    size_t i;
    DubJson *item;
    json_array_foreach(list, i, item)
    {
        double start_s, end_s;
        const char *words;
        if (get_time(item, "start", &start_s, error) && get_time(item, "end", &end_s, error) &&
            dub_json_get_string(item, "text", DUB_JSON_REQUIRED, &words, error)) {
            add(cues, (int64_t) (start_s * DUB_NS_PER_S), (int64_t) (end_s * DUB_NS_PER_S), words);
            continue;
        }
        g_prefix_error(error, "entry %zu: ", i);
        return false;
    }
    return true;
}

/* --- the file --- */

/* A list of objects, or an object: "[Script Info]" is how .ass begins. */
static bool looks_like_json(const char *text)
{
    const char *inside = *text == '[' ? text + 1 + strspn(text + 1, " \t\r\n") : text;
    return *inside == '{' || (inside != text && *inside == ']');
}

static bool check_file(const char *path, GError **error)
{
    GStatBuf facts;
    if (g_stat(path, &facts) < 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "%s: no such file", path);
    else if (!S_ISREG(facts.st_mode))
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: no file of subtitles", path);
    else if (facts.st_size > DUB_CUES_MAX_BYTES)
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: larger than %d MB: no subtitles are", path,
                    DUB_CUES_MAX_BYTES >> 20);
    else
        return true;
    return false;
}

GPtrArray *dub_cues_read(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) cues = g_ptr_array_new_with_free_func(cue_free);
    if (!check_file(path, error))
        return NULL;
    if (!g_file_get_contents(path, &text, &length, &problem)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_IO, "%s", problem->message);
        return NULL;
    }
    dub_libav_setup();
    const bool is_json = looks_like_json(text);
    const bool is_read = is_json ? read_json(cues, text, length, error) : read_subtitles(cues, path);
    if (!is_read && is_json)
        g_prefix_error(error, "%s: ", path);
    else if (!is_read)
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: neither subtitles (.srt, .vtt, .ass) nor JSON", path);
    if (!is_read)
        return NULL;
    g_ptr_array_sort(cues, compare_cues);
    return g_steal_pointer(&cues);
}
