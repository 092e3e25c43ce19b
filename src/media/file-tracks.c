/* media/file-tracks.c: choosing tracks by libavformat's description of a file. */
#include "media/file-tracks.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>
#include <unicode/uloc.h>

static const char *language_of(const AVStream *stream)
{
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "language", NULL, 0);
    return entry && !g_str_equal(entry->value, "und") ? entry->value : NULL;
}

static bool is_cover(const AVStream *stream)
{
    return stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS);
}

const AVStream *dub_file_tracks_find_video(const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_cover(stream) &&
            stream->codecpar->codec_id != AV_CODEC_ID_NONE && stream->discard < AVDISCARD_ALL)
            return stream;
    }
    return NULL;
}

static bool is_audio(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && stream->discard < AVDISCARD_ALL;
}

/* "en", "en-US", "eng": all the same; Matroska's older "ger" and "fre" are ISO 639-2's bibliographic codes. */
static bool is_same_language(const char *a, const char *b)
{
    static const char *const bibliographic[][2] = {
        { "ger", "deu" }, { "fre", "fra" }, { "dut", "nld" }, { "chi", "zho" }, { "cze", "ces" },
        { "gre", "ell" }, { "per", "fas" }, { "rum", "ron" }, { "slo", "slk" }, { "wel", "cym" },
        { "alb", "sqi" }, { "arm", "hye" }, { "baq", "eus" }, { "bur", "mya" }, { "geo", "kat" },
        { "ice", "isl" }, { "mac", "mkd" }, { "may", "msa" }, { "sve", "swe" }, /* as libavformat calls QuickTime's */
    };
    const char *pair[2] = { a, b };
    char code[2][4] = { "", "" };
    for (int i = 0; i < 2; i++) {
        for (gsize k = 0; k < G_N_ELEMENTS(bibliographic); k++)
            if (!g_ascii_strcasecmp(pair[i], bibliographic[k][0]))
                pair[i] = bibliographic[k][1];
        g_strlcpy(code[i], uloc_getISO3Language(pair[i]), sizeof code[i]);
    }
    return code[0][0] && g_str_equal(code[0], code[1]);
}

static unsigned count_audio(const AVFormatContext *format)
{
    unsigned n = 0;
    for (unsigned i = 0; i < format->nb_streams; i++)
        n += is_audio(format->streams[i]);
    return n;
}

static const AVStream *nth_audio(const AVFormatContext *format, unsigned number)
{
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (is_audio(format->streams[i]) && --number == 0)
            return format->streams[i];
    return NULL;
}

const AVStream *dub_file_tracks_find_audio(const AVFormatContext *format, unsigned number, const char *language,
                                           const AVStream *except, GError **error)
{
    const unsigned n_audio = count_audio(format);
    if (number > n_audio && n_audio > 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "there is no audio track %u; it has %u", number,
                    n_audio);
    if (number)
        return nth_audio(format, number);
    const AVStream *spoken = NULL, *by_default = NULL, *first = NULL;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        if (!is_audio(stream) || stream == except)
            continue;
        first = first ? first : stream;
        const bool is_special = stream->disposition & (AV_DISPOSITION_VISUAL_IMPAIRED | AV_DISPOSITION_COMMENT);
        if (!spoken && !is_special && language && language_of(stream) &&
            is_same_language(language_of(stream), language))
            spoken = stream;
        if (!by_default && stream->disposition & AV_DISPOSITION_DEFAULT)
            by_default = stream;
    }
    return spoken ? spoken : by_default ? by_default : first;
}

char *dub_file_tracks_audio_name(const AVFormatContext *format, const AVStream *audio)
{
    const unsigned n_audio = count_audio(format);
    unsigned number = 1;
    if (n_audio < 2)
        return NULL;
    while (nth_audio(format, number) != audio)
        number++;
    const char *language = language_of(audio);
    return g_strdup_printf("track %u of %u%s%s%s", number, n_audio, language ? " (" : "", language ? language : "",
                           language ? ")" : "");
}

static bool is_mov(const AVFormatContext *format)
{
    return strstr(format->iformat->name, "mov") != NULL;
}

/* An MP4 in fragments that is read from its beginning on: what its header says ends with the first fragment. */
static bool is_growing(const AVFormatContext *format, const AVStream *stream)
{
    const bool is_read_ahead = format->pb->seekable & AVIO_SEEKABLE_NORMAL && !(format->flags & AVFMT_FLAG_IGNIDX);
    return is_mov(format) && !is_read_ahead && stream->nb_frames == 0;
}

int64_t dub_file_tracks_duration_ns(const AVFormatContext *format)
{
    const bool is_hls = g_str_equal(format->iformat->name, "hls");
    if (format->duration <= 0)
        return DUB_TIME_NONE;
    if (is_hls && format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) /* by the size of the playlist */
        return DUB_TIME_NONE;
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (is_growing(format, format->streams[i]))
            return DUB_TIME_NONE;
    return format->duration * (DUB_NS_PER_S / AV_TIME_BASE);
}

static int64_t to_ns(const AVStream *stream, int64_t time)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    return av_rescale_q(time, stream->time_base, ns);
}

/* An edit list may end inside a packet. A header that is wrong (its end lies before packets that it does not hide) says
 * nothing. */
int64_t dub_file_tracks_sound_end_ns(const AVFormatContext *format, const AVStream *audio)
{
    AVStream *stream = (AVStream *) audio; /* only read */
    const int n_entries = avformat_index_get_entries_count(stream);
    if (!is_mov(format) || is_growing(format, audio) || n_entries < 1 || audio->duration <= 0 ||
        audio->start_time == AV_NOPTS_VALUE)
        return G_MAXINT64;
    const int64_t end = audio->start_time + audio->duration;
    for (int i = n_entries - 1; i >= 0; i--) {
        const AVIndexEntry *entry = avformat_index_get_entry(stream, i);
        if (!(entry->flags & AVINDEX_DISCARD_FRAME))
            return entry->timestamp < end ? to_ns(audio, end) : G_MAXINT64;
    }
    return G_MAXINT64;
}

static bool is_index_beyond(AVStream *stream, int64_t file_bytes)
{
    const int n_entries = avformat_index_get_entries_count(stream);
    for (int i = n_entries - 1; i >= 0 && i >= n_entries - 64; i--) { /* tracks are interleaved: the last lie last */
        const AVIndexEntry *entry = avformat_index_get_entry(stream, i);
        if (entry->pos + entry->size > file_bytes)
            return true;
    }
    return n_entries == 0; /* in fragments: no index to compare with */
}

/* An MP4's index says exactly what lies where, while its durations may be out of date: tools that trim leave old ones.
 */
bool dub_file_tracks_is_length_declared(AVFormatContext *format, const AVStream *stream, int64_t file_bytes)
{
    if (!stream || file_bytes < 0)
        return false;
    if (is_mov(format))
        return is_index_beyond((AVStream *) stream, file_bytes);
    return strstr(format->iformat->name, "matroska") != NULL;
}
