/* media/carried-tracks.c: a description of a file's further tracks, and a table of what each container takes. Codecs
 * are not in it: libavformat's muxer is asked, by letting it write a header into memory. */
#include "media/carried-tracks.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

struct _DubCarriedTracks {
    gatomicrefcount refs;
    char *path;
    GPtrArray *tracks;   /* of DubCarriedTrack * */
    GPtrArray *chapters; /* of AVChapter * */
    AVDictionary *metadata, *video_metadata;
    int video_disposition;
    unsigned n_programs;
    bool has_video;
};

/* --- making --- */

static void free_track(void *data)
{
    DubCarriedTrack *track = data;
    avcodec_parameters_free(&track->parameters);
    dub_track_format_unref(track->format);
    av_dict_free(&track->metadata);
    av_packet_free(&track->cover);
    g_free(track);
}

static void free_chapter(void *data)
{
    AVChapter *chapter = data;
    av_dict_free(&chapter->metadata);
    g_free(chapter);
}

static DubCarriedTrack *new_track(const AVStream *stream, bool is_dubbed)
{
    DubCarriedTrack *track = g_new0(DubCarriedTrack, 1);
    track->index = stream->index;
    track->parameters = avcodec_parameters_alloc();
    if (!track->parameters || avcodec_parameters_copy(track->parameters, stream->codecpar) < 0)
        g_error("out of memory");
    track->time_base = stream->time_base;
    track->format = dub_track_format_new(stream);
    av_dict_copy(&track->metadata, stream->metadata, 0);
    track->disposition = stream->disposition;
    if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC && stream->attached_pic.size > 0)
        track->cover = av_packet_clone(&stream->attached_pic);
    track->is_dubbed = is_dubbed;
    return track;
}

static AVChapter *new_chapter(const AVChapter *from)
{
    AVChapter *chapter = g_memdup2(from, sizeof *from);
    chapter->metadata = NULL;
    av_dict_copy(&chapter->metadata, from->metadata, 0);
    return chapter;
}

DubCarriedTracks *dub_carried_tracks_new(const AVFormatContext *format, const AVStream *video, const AVStream *audio,
                                         const char *path)
{
    DubCarriedTracks *self = g_new0(DubCarriedTracks, 1);
    g_atomic_ref_count_init(&self->refs);
    self->path = g_strdup(path);
    self->tracks = g_ptr_array_new_with_free_func(free_track);
    self->chapters = g_ptr_array_new_with_free_func(free_chapter);
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i] != video)
            g_ptr_array_add(self->tracks, new_track(format->streams[i], format->streams[i] == audio));
    for (unsigned i = 0; i < format->nb_chapters; i++)
        g_ptr_array_add(self->chapters, new_chapter(format->chapters[i]));
    av_dict_copy(&self->metadata, format->metadata, 0);
    self->n_programs = format->nb_programs;
    self->has_video = video != NULL;
    if (video) {
        av_dict_copy(&self->video_metadata, video->metadata, 0);
        self->video_disposition = video->disposition;
    }
    return self;
}

DubCarriedTracks *dub_carried_tracks_ref(DubCarriedTracks *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_carried_tracks_unref(DubCarriedTracks *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_ptr_array_unref(self->tracks);
    g_ptr_array_unref(self->chapters);
    av_dict_free(&self->metadata);
    av_dict_free(&self->video_metadata);
    g_free(self->path);
    g_free(self);
}

const char *dub_carried_tracks_path(const DubCarriedTracks *self)
{
    return self->path;
}

unsigned dub_carried_tracks_count(const DubCarriedTracks *self)
{
    return self->tracks->len;
}

const DubCarriedTrack *dub_carried_tracks_get(const DubCarriedTracks *self, unsigned number)
{
    return self->tracks->pdata[number];
}

/* --- what a container takes --- */

static bool is_text(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_SUBRIP || codec == AV_CODEC_ID_MOV_TEXT || codec == AV_CODEC_ID_ASS ||
           codec == AV_CODEC_ID_WEBVTT || codec == AV_CODEC_ID_TEXT;
}

enum AVCodecID dub_carried_tracks_text_codec(DubContainer container)
{
    if (dub_container_is_mov(container))
        return AV_CODEC_ID_MOV_TEXT;
    return container == DUB_CONTAINER_MKV    ? AV_CODEC_ID_SUBRIP
           : container == DUB_CONTAINER_WEBM ? AV_CODEC_ID_WEBVTT
                                             : AV_CODEC_ID_NONE;
}

/* Whether its muxer writes a header for such a track. */
static bool is_taken(const DubCarriedTrack *track, DubContainer container)
{
    AVFormatContext *trial = NULL;
    uint8_t *header = NULL;
    if (avformat_alloc_output_context2(&trial, NULL, dub_container_libav_muxer(container), NULL) < 0)
        return false;
    AVStream *stream = avformat_new_stream(trial, NULL);
    bool taken = stream && dub_track_format_apply(track->format, NULL, stream) && avio_open_dyn_buf(&trial->pb) >= 0;
    if (taken) {
        stream->time_base = track->time_base;
        taken = avformat_write_header(trial, NULL) >= 0;
        avio_close_dyn_buf(trial->pb, &header);
        trial->pb = NULL;
        av_free(header);
    }
    avformat_free_context(trial);
    return taken;
}

static bool is_implied(const DubCarriedTracks *self, const DubCarriedTrack *track)
{
    if (track->parameters->codec_type != AVMEDIA_TYPE_DATA)
        return false;
    if (track->parameters->codec_tag == MKTAG('t', 'm', 'c', 'd'))
        return av_dict_get(self->video_metadata, "timecode", NULL, 0) != NULL;
    return track->parameters->codec_id == AV_CODEC_ID_BIN_DATA && self->chapters->len > 0 &&
           track->parameters->codec_tag == MKTAG('t', 'e', 'x', 't');
}

static bool takes_cover(DubContainer container, const AVCodecParameters *parameters)
{
    if (parameters->codec_id != AV_CODEC_ID_MJPEG && parameters->codec_id != AV_CODEC_ID_PNG)
        return false;
    const bool is_itunes = container == DUB_CONTAINER_MP4 || container == DUB_CONTAINER_M4A;
    return container == DUB_CONTAINER_MKV || (is_itunes && parameters->width > 0); /* its muxer wants a size */
}

DubCarryWay dub_carried_tracks_way(const DubCarriedTracks *self, const DubCarriedTrack *track, DubContainer container)
{
    if (!dub_container_has_tracks(container))
        return DUB_CARRY_NOT;
    const AVCodecParameters *parameters = track->parameters;
    if (track->cover)
        return takes_cover(container, parameters) ? DUB_CARRY_COPY : DUB_CARRY_NOT;
    if (parameters->codec_type == AVMEDIA_TYPE_ATTACHMENT)
        return container == DUB_CONTAINER_MKV && parameters->extradata_size > 0 ? DUB_CARRY_COPY : DUB_CARRY_NOT;
    if (is_implied(self, track))
        return DUB_CARRY_IMPLIED;
    const bool is_moving = parameters->codec_type == AVMEDIA_TYPE_VIDEO;
    if (!self->path || track->disposition & AV_DISPOSITION_TIMED_THUMBNAILS ||
        (is_moving && dub_container_is_sound_alone(container)))
        return DUB_CARRY_NOT;
    if (is_taken(track, container))
        return DUB_CARRY_COPY;
    return is_text(parameters->codec_id) ? DUB_CARRY_CONVERT : DUB_CARRY_NOT;
}

/* --- tags and chapters --- */

static bool is_one_of(const char *key, const char *const *keys)
{
    for (int i = 0; keys[i]; i++)
        if (!g_ascii_strcasecmp(key, keys[i]))
            return true;
    return false;
}

/* What the old file's muxer says of itself. */
static bool is_of_muxer(const char *key)
{
    static const char *const keys[] = {
        "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id", NULL,
    };
    return is_one_of(key, keys);
}

/* What libavformat's muxer has a place for in iTunes' and QuickTime's tags. */
static bool has_mov_place(const char *key)
{
    static const char *const keys[] = {
        "title",    "artist",           "album_artist",  "composer",      "album",
        "date",     "comment",          "genre",         "copyright",     "grouping",
        "lyrics",   "description",      "synopsis",      "show",          "episode_id",
        "network",  "keywords",         "episode_sort",  "season_number", "media_type",
        "hd_video", "gapless_playback", "compilation",   "track",         "disc",
        "tmpo",     "location",         "creation_time", "timecode",      "episode_uid",
        NULL,
    };
    return is_one_of(key, keys) || g_ascii_strncasecmp(key, "location-", 9) == 0;
}

/* A WAV file's INFO list has few places. */
static bool has_wav_place(const char *key)
{
    static const char *const keys[] = { "title",    "artist", "album",     "comment", "date",
                                        "language", "genre",  "copyright", "track",   NULL };
    return is_one_of(key, keys);
}

static bool holds_chapters(DubContainer container)
{
    return dub_container_libav_muxer(container) && container != DUB_CONTAINER_WAV && container != DUB_CONTAINER_FLAC;
}

static bool is_reverse_domain(const char *key)
{
    return g_ascii_strncasecmp(key, "com.", 4) == 0; /* Matroska writes in capitals */
}

static bool has_cover_for(const DubCarriedTracks *self, DubContainer container)
{
    for (guint i = 0; i < self->tracks->len; i++) {
        const DubCarriedTrack *track = self->tracks->pdata[i];
        if (track->cover && takes_cover(container, track->parameters))
            return true;
    }
    return false;
}

bool dub_carried_tracks_wants_mdta(const DubCarriedTracks *self, DubContainer container)
{
    if (!dub_container_is_mov(container) || has_cover_for(self, container))
        return false;
    for (const AVDictionaryEntry *e = NULL; (e = av_dict_get(self->metadata, "", e, AV_DICT_IGNORE_SUFFIX));)
        if (is_reverse_domain(e->key))
            return true;
    return false;
}

static bool keeps_tag(const DubCarriedTracks *self, DubContainer container, const char *key)
{
    if (container == DUB_CONTAINER_WAV)
        return has_wav_place(key);
    if (dub_container_is_matroska(container) || dub_container_is_sound_alone(container))
        return !dub_container_is_mov(container) || has_mov_place(key);
    return dub_container_is_mov(container) && (has_mov_place(key) || dub_carried_tracks_wants_mdta(self, container));
}

/* A track's name: QuickTime's family has "handler_name", which may be only what the muxer calls each track of its kind.
 */
static bool is_generic_handler(const char *name)
{
    return g_str_has_suffix(name, "Handler") || g_str_has_suffix(name, "Handler\n") || !*name ||
           g_str_has_prefix(name, "Core Media ");
}

const char *dub_carried_tracks_language(const char *code, DubContainer container)
{
    static const struct {
        const char *iso, *quicktime;
        bool is_odd; /* no code of ISO 639-2 at all */
    } names[] = {
        { "deu", "ger" },       { "nld", "dut" },       { "ell", "gre" },       { "isl", "ice" },
        { "zho", "chi" },       { "fas", "per" },       { "sqi", "alb" },       { "mkd", "mac" },
        { "hye", "arm" },       { "kat", "geo" },       { "bod", "tib" },       { "mya", "bur" },
        { "msa", "may" },       { "cym", "wel" },       { "eus", "baq" },       { "swe", "sve", true },
        { "hrv", "hr ", true }, { "srp", "sr ", true }, { "fao", "fo ", true }, { "pan", "pa ", true },
        { "gle", "iri", true },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (container == DUB_CONTAINER_MOV && g_str_equal(code, names[i].iso))
            return names[i].quicktime;
        if (container != DUB_CONTAINER_MOV && names[i].is_odd && g_str_equal(code, names[i].quicktime))
            return names[i].iso;
    }
    return code;
}

void dub_carried_tracks_copy_tags(const AVDictionary *from, DubContainer container, AVDictionary **to)
{
    const bool is_mkv = dub_container_is_matroska(container);
    const AVDictionaryEntry *title = av_dict_get(from, "title", NULL, 0);
    const AVDictionaryEntry *handler = av_dict_get(from, "handler_name", NULL, 0);
    for (const AVDictionaryEntry *e = NULL; (e = av_dict_get(from, "", e, AV_DICT_IGNORE_SUFFIX));)
        if (!is_of_muxer(e->key) && !(is_mkv && e == handler))
            av_dict_set(to, e->key, e->value, 0);
    const AVDictionaryEntry *language = av_dict_get(from, "language", NULL, 0);
    if (language)
        av_dict_set(to, language->key, dub_carried_tracks_language(language->value, container), 0);
    if (is_mkv && handler && !title && !is_generic_handler(handler->value))
        av_dict_set(to, "title", handler->value, 0);
    if (!is_mkv && title && !handler)
        av_dict_set(to, "handler_name", title->value, 0);
}

static void apply_chapters(const DubCarriedTracks *self, int64_t origin_ns, AVFormatContext *out)
{
    if (!self->chapters->len)
        return;
    out->chapters = av_calloc(self->chapters->len, sizeof *out->chapters);
    for (guint i = 0; out->chapters && i < self->chapters->len; i++) {
        const AVChapter *from = self->chapters->pdata[i];
        const int64_t shift = av_rescale_q(origin_ns, (AVRational){ 1, DUB_NS_PER_S }, from->time_base);
        AVChapter *chapter = av_mallocz(sizeof *chapter);
        if (!chapter)
            return;
        *chapter = (AVChapter){ .id = from->id,
                                .time_base = from->time_base,
                                .start = MAX(from->start - shift, 0),
                                .end = MAX(from->end - shift, 0) };
        av_dict_copy(&chapter->metadata, from->metadata, 0);
        out->chapters[out->nb_chapters++] = chapter;
    }
}

void dub_carried_tracks_apply(const DubCarriedTracks *self, DubContainer container, int64_t origin_ns,
                              AVFormatContext *out)
{
    for (const AVDictionaryEntry *e = NULL; (e = av_dict_get(self->metadata, "", e, AV_DICT_IGNORE_SUFFIX));)
        if (!is_of_muxer(e->key) && keeps_tag(self, container, e->key))
            av_dict_set(&out->metadata, e->key, e->value, 0);
    apply_chapters(self, origin_ns, out);
}

void dub_carried_tracks_apply_video(const DubCarriedTracks *self, DubContainer container, AVStream *out)
{
    dub_carried_tracks_copy_tags(self->video_metadata, container, &out->metadata);
    out->disposition |= self->video_disposition;
}

/* --- what is left out --- */

static const char *language_of(const DubCarriedTrack *track)
{
    const AVDictionaryEntry *entry = av_dict_get(track->metadata, "language", NULL, 0);
    return entry && !g_str_equal(entry->value, "und") ? entry->value : NULL;
}

static int kind_of(const DubCarriedTrack *track)
{
    const bool is_cover = track->cover || track->disposition & AV_DISPOSITION_TIMED_THUMBNAILS;
    return is_cover ? AVMEDIA_TYPE_NB : (int) track->parameters->codec_type;
}

static bool is_left_out(const DubCarriedTracks *self, const DubCarriedTrack *track, DubContainer container)
{
    return !track->is_dubbed && dub_carried_tracks_way(self, track, container) == DUB_CARRY_NOT;
}

static char *describe_kind(const DubCarriedTracks *self, DubContainer container, int kind, const char *name)
{
    g_autoptr(GString) languages = g_string_new(NULL);
    unsigned count = 0;
    for (guint i = 0; i < self->tracks->len; i++) {
        const DubCarriedTrack *track = self->tracks->pdata[i];
        if (kind_of(track) != kind || !is_left_out(self, track, container))
            continue;
        count++;
        if (language_of(track))
            g_string_append_printf(languages, "%s%s", languages->len ? ", " : "", language_of(track));
    }
    const bool has_packets = kind != AVMEDIA_TYPE_NB && kind != AVMEDIA_TYPE_ATTACHMENT;
    if (!count)
        return NULL;
    return g_strdup_printf("%u %s%s%s%s%s%s", count, name, count > 1 ? "s" : "", languages->len ? " (" : "",
                           languages->str, languages->len ? ")" : "",
                           has_packets && !self->path && dub_container_has_tracks(container)
                               ? ", since this input is read only once"
                               : "");
}

static char *describe_tags(const DubCarriedTracks *self, DubContainer container)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (const AVDictionaryEntry *e = NULL; (e = av_dict_get(self->metadata, "", e, AV_DICT_IGNORE_SUFFIX));)
        if (!is_of_muxer(e->key) && !keeps_tag(self, container, e->key))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", e->key);
    return names->len ? g_strdup_printf("tags (%s)", names->str) : NULL;
}

static void add(GStrvBuilder *list, char *text)
{
    if (text)
        g_strv_builder_add(list, text);
    g_free(text);
}

char **dub_carried_tracks_left_out(const DubCarriedTracks *self, DubContainer container)
{
    static const struct {
        int kind;
        const char *name;
    } kinds[] = {
        { AVMEDIA_TYPE_VIDEO, "video track" },       { AVMEDIA_TYPE_AUDIO, "audio track" },
        { AVMEDIA_TYPE_SUBTITLE, "subtitle track" }, { AVMEDIA_TYPE_DATA, "data track" },
        { AVMEDIA_TYPE_UNKNOWN, "unknown track" },   { AVMEDIA_TYPE_ATTACHMENT, "attachment" },
        { AVMEDIA_TYPE_NB, "cover picture" },
    };
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        add(list, describe_kind(self, container, kinds[i].kind, kinds[i].name));
    if (self->chapters->len && !holds_chapters(container))
        add(list, g_strdup_printf("%u chapter%s", self->chapters->len, self->chapters->len > 1 ? "s" : ""));
    if (self->n_programs > 1)
        add(list, g_strdup_printf("the grouping into %u programmes", self->n_programs));
    add(list, describe_tags(self, container));
    return g_strv_builder_end(list);
}

bool dub_carried_tracks_check_original(const DubCarriedTracks *self, DubContainer container, GError **error)
{
    if (!dub_container_check_second_sound(container, error))
        return false;
    const char *why = !self ? "this input is not read as a file" : !self->path ? "this input is read only once" : NULL;
    if (why) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "the original sound cannot be kept: %s; save it as a .mkv or .mp4 file first", why);
        return false;
    }
    for (guint i = 0; i < self->tracks->len; i++) {
        const DubCarriedTrack *track = self->tracks->pdata[i];
        if (!track->is_dubbed || dub_carried_tracks_way(self, track, container) == DUB_CARRY_COPY)
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "the original sound (%s) cannot be kept in %s; use .mkv",
                    avcodec_get_name(track->parameters->codec_id), dub_container_name(container));
        return false;
    }
    return true;
}
