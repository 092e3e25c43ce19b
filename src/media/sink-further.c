/* media/sink-further.c: each dub is read in step with the output, as tracks that are carried over. Their times count
 * from the output's beginning already. */
#include "media/sink-further.h"

#include "base/clock.h"
#include "base/error.h"
#include "media/file-format.h"
#include "media/file-input.h"
#include "media/further-sound.h"
#include "media/sink-carried.h"

#include <unicode/uloc.h>

#define SILENCE_NS (30 * DUB_NS_PER_S)

struct _DubSinkFurther {
    GPtrArray *dubs; /* of DubSinkCarried */
};

DubFurtherSound *dub_further_sound_new(const char *path, const char *language, const char *title, bool is_default)
{
    DubFurtherSound *self = g_new0(DubFurtherSound, 1);
    *self = (DubFurtherSound){ g_strdup(path), g_strdup(language), g_strdup(title), is_default };
    return self;
}

void dub_further_sound_free(DubFurtherSound *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_free(self->language);
    g_free(self->title);
    g_free(self);
}

static const AVStream *find_sound(const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            return format->streams[i];
    return NULL;
}

/* Returns: (transfer full): what the dub's file holds */
static DubCarriedTracks *describe(const DubFurtherSound *sound, GError **error)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    const DubFileFormatConfig config = { .path = sound->path, .name = sound->path, .cancellable = cancellable };
    g_autoptr(DubInput) input = dub_file_input_open(sound->path, SILENCE_NS, cancellable, error);
    DubFileFormat opened = { 0 };
    if (!input)
        return NULL;
    const bool is_open = dub_file_format_open(input, &config, &opened, NULL);
    const AVStream *audio = is_open ? find_sound(opened.format) : NULL;
    DubCarriedTracks *tracks = audio ? dub_carried_tracks_new(opened.format, NULL, audio, sound->path) : NULL;
    if (!tracks)
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: the dub in it cannot be read", sound->path);
    avformat_close_input(&opened.format);
    return tracks;
}

static void name_track(const DubFurtherSound *sound, DubContainer container, AVStream *stream)
{
    const bool is_sound = stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    const char *code = uloc_getISO3Language(sound->language);
    av_dict_free(&stream->metadata);
    if (code[0])
        av_dict_set(&stream->metadata, "language", dub_carried_tracks_language(code, container), 0);
    stream->disposition = is_sound ? AV_DISPOSITION_DUB | (sound->is_default ? AV_DISPOSITION_DEFAULT : 0) : 0;
    if (!is_sound)
        return;
    av_dict_set(&stream->metadata, "title", sound->title, 0);
    if (dub_container_is_mov(container))
        av_dict_set(&stream->metadata, "handler_name", sound->title, 0);
}

static DubSinkCarried *add_dub(const DubFurtherSound *sound, const DubSinkDrainConfig *config, AVFormatContext *out,
                               GError **error)
{
    g_autoptr(DubCarriedTracks) tracks = describe(sound, error);
    const unsigned n_before = out->nb_streams;
    if (!tracks)
        return NULL;
    const DubSinkDrainConfig own = { .container = config->container,
                                     .carried = tracks,
                                     .carry = { .keeps_original = true } };
    DubSinkCarried *dub = dub_sink_carried_new_tracks(&own, out, error);
    for (unsigned i = n_before; dub && i < out->nb_streams; i++)
        name_track(sound, config->container, out->streams[i]);
    return dub;
}

static void free_dub(void *data)
{
    dub_sink_carried_free(data);
}

DubSinkFurther *dub_sink_further_new(const DubSinkDrainConfig *config, AVFormatContext *out, GError **error)
{
    DubSinkFurther *self = g_new0(DubSinkFurther, 1);
    self->dubs = g_ptr_array_new_with_free_func(free_dub);
    for (guint i = 0; i < config->dubs->len; i++) {
        DubSinkCarried *dub = add_dub(g_ptr_array_index(config->dubs, i), config, out, error);
        if (!dub) {
            dub_sink_further_free(self);
            return NULL;
        }
        g_ptr_array_add(self->dubs, dub);
    }
    return self;
}

void dub_sink_further_free(DubSinkFurther *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->dubs);
    g_free(self);
}

bool dub_sink_further_begin(DubSinkFurther *self, GError **error)
{
    for (guint i = 0; self && i < self->dubs->len; i++)
        if (!dub_sink_carried_begin(g_ptr_array_index(self->dubs, i), error))
            return false;
    return true;
}

int dub_sink_further_write_until(DubSinkFurther *self, int64_t until_ns)
{
    int status = 0;
    for (guint i = 0; self && status >= 0 && i < self->dubs->len; i++)
        status = dub_sink_carried_write_until(g_ptr_array_index(self->dubs, i), until_ns);
    return status;
}

void dub_sink_further_cancel(DubSinkFurther *self)
{
    for (guint i = 0; self && i < self->dubs->len; i++)
        dub_sink_carried_cancel(g_ptr_array_index(self->dubs, i));
}
