/* audio/float-wav.c: a header that leaves room for 64-bit lengths, and samples behind it. */
#include "audio/float-wav.h"

#include "audio/fragment-codec.h"
#include "audio/layout.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FLOAT_TAG      3
#define EXTENSIBLE_TAG 0xfffe
#define DS64_BYTES     28
#define MOST_BYTES     (64u * 1024 * 1024) /* of a file that is read: a minute of stereo at 96 kHz is 46 MB */

/* Behind the tag of a format it makes that format's GUID. */
static const guint8 float_guid_end[] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };

struct _DubFloatWav {
    int fd;
    char *path, *part;
    unsigned rate_hz, channels;
    gsize header_bytes;
    guint64 n_frames;
    bool is_made;
};

/* ── The header ── */

static guint8 *put(guint8 *at, guint64 value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        at[i] = (guint8) (value >> (8 * i));
    return at + n_bytes;
}

static guint8 *put_id(guint8 *at, const char *id)
{
    memcpy(at, id, 4);
    return at + 4;
}

static guint64 get(const guint8 *at, unsigned n_bytes)
{
    guint64 value = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        value |= (guint64) at[i] << (8 * i);
    return value;
}

static guint8 *put_format(guint8 *at, unsigned rate_hz, unsigned channels)
{
    const unsigned frame_bytes = channels * sizeof(float);
    const bool names_speakers = channels > 2;
    at = put(put_id(at, "fmt "), names_speakers ? 40 : 18, 4);
    at = put(put(at, names_speakers ? EXTENSIBLE_TAG : FLOAT_TAG, 2), channels, 2);
    at = put(put(at, rate_hz, 4), (guint64) rate_hz * frame_bytes, 4);
    at = put(put(at, frame_bytes, 2), 32, 2);
    if (!names_speakers)
        return put(at, 0, 2);
    AVChannelLayout layout;
    dub_layout_init(&layout, channels);
    at = put(put(put(at, 22, 2), 32, 2), layout.u.mask, 4); /* WAVE's bits are libavutil's */
    at = put(at, FLOAT_TAG, 2);
    memcpy(at, float_guid_end, sizeof(float_guid_end));
    return at + sizeof(float_guid_end);
}

/* EBU Tech 3306: the room that a JUNK chunk keeps becomes the ds64 chunk of a file whose lengths need 64 bits. */
gsize dub_float_wav_header(guint8 header[DUB_FLOAT_WAV_HEADER_BYTES_MOST], unsigned rate_hz, unsigned channels,
                           guint64 n_frames)
{
    const gsize length = channels > 2 ? DUB_FLOAT_WAV_HEADER_BYTES_MOST : DUB_FLOAT_WAV_HEADER_BYTES;
    const guint64 data = n_frames * channels * sizeof(float), riff = data + length - 8;
    const bool is_long = riff > G_MAXUINT32;
    guint8 *at = put_id(header, is_long ? "RF64" : "RIFF");
    at = put_id(put(at, is_long ? G_MAXUINT32 : riff, 4), "WAVE");
    at = put(put_id(at, is_long ? "ds64" : "JUNK"), DS64_BYTES, 4);
    at = put(put(put(put(at, is_long ? riff : 0, 8), is_long ? data : 0, 8), is_long ? n_frames : 0, 8), 0, 4);
    at = put_format(at, rate_hz, channels);
    at = put(put(put_id(at, "fact"), 4, 4), is_long ? G_MAXUINT32 : n_frames, 4);
    at = put(put_id(at, "data"), is_long ? G_MAXUINT32 : data, 4);
    g_assert(at == header + length);
    return length;
}

/* ── Writing ── */

static bool write_at(const DubFloatWav *self, const void *data, gsize length, off_t at, GError **error)
{
    for (gsize done = 0; done < length;) {
        const ssize_t n = pwrite(self->fd, (const char *) data + done, length - done, at + (off_t) done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dub_error_fail_errno(error, "write", self->path);
        done += (gsize) n;
    }
    return true;
}

static bool write_header(DubFloatWav *self, GError **error)
{
    guint8 header[DUB_FLOAT_WAV_HEADER_BYTES_MOST];
    self->header_bytes = dub_float_wav_header(header, self->rate_hz, self->channels, self->n_frames);
    return write_at(self, header, self->header_bytes, 0, error);
}

DubFloatWav *dub_float_wav_new(const char *path, unsigned rate_hz, unsigned channels, GError **error)
{
    g_autoptr(DubFloatWav) self = g_new0(DubFloatWav, 1);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    self->path = g_strdup(path);
    self->part = g_strdup_printf("%s/.%s.part", folder, name);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->fd = open(self->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (self->fd < 0) {
        dub_error_fail_errno(error, "write", path);
        return NULL;
    }
    self->is_made = true;
    return write_header(self, error) ? g_steal_pointer(&self) : NULL;
}

bool dub_float_wav_write(DubFloatWav *self, const float *samples, gsize n_frames, GError **error)
{
    const gsize frame_bytes = self->channels * sizeof(float);
    const off_t at = (off_t) (self->header_bytes + self->n_frames * frame_bytes);
    if (!write_at(self, samples, n_frames * frame_bytes, at, error)) /* floats are little-endian wherever this runs */
        return false;
    self->n_frames += n_frames;
    return true;
}

bool dub_float_wav_finish(DubFloatWav *self, GError **error)
{
    if (!write_header(self, error))
        return false;
    if (fdatasync(self->fd) < 0)
        return dub_error_fail_errno(error, "write", self->path);
    const int status = close(self->fd);
    self->fd = -1;
    if (status < 0)
        return dub_error_fail_errno(error, "write", self->path);
    if (rename(self->part, self->path) < 0)
        return dub_error_fail_errno(error, "name", self->path);
    self->is_made = false;
    return true;
}

void dub_float_wav_free(DubFloatWav *self)
{
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    if (self->is_made)
        unlink(self->part);
    g_free(self->part);
    g_free(self->path);
    g_free(self);
}

bool dub_float_wav_save(const char *path, const DubPcm *pcm, GError **error)
{
    g_autoptr(DubFloatWav) file = dub_float_wav_new(path, pcm->rate_hz, pcm->channels, error);
    return file && dub_float_wav_write(file, pcm->samples, pcm->n_frames, error) && dub_float_wav_finish(file, error);
}

/* ── Reading ── */

static DubPcm *read_own(const guint8 *wav, gsize size, GError **error)
{
    const guint8 *fmt = wav + 56;
    const guint64 channels = get(fmt + 2, 2), rate_hz = get(fmt + 4, 4), n_bytes = get(wav + 90, 4);
    if (n_bytes != size - DUB_FLOAT_WAV_HEADER_BYTES || channels < 1 || channels > 2 || rate_hz < 8000 ||
        rate_hz > 192000 || n_bytes % (channels * sizeof(float)) != 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "its header and its length do not fit");
        return NULL;
    }
    DubPcm *pcm = dub_pcm_new((unsigned) rate_hz, (unsigned) channels, n_bytes / (channels * sizeof(float)));
    if (n_bytes > 0)
        memcpy(pcm->samples, wav + DUB_FLOAT_WAV_HEADER_BYTES, n_bytes);
    return pcm;
}

static bool is_own(const guint8 *wav, gsize size)
{
    return size >= DUB_FLOAT_WAV_HEADER_BYTES && memcmp(wav, "RIFF", 4) == 0 && memcmp(wav + 8, "WAVEJUNK", 8) == 0 &&
           memcmp(wav + 48, "fmt ", 4) == 0 && get(wav + 56, 2) == FLOAT_TAG && memcmp(wav + 86, "data", 4) == 0;
}

static GBytes *read_bytes(const char *path, GError **error)
{
    GStatBuf facts;
    char *bytes = NULL;
    gsize size = 0;
    if (g_stat(path, &facts) < 0) {
        dub_error_fail_errno(error, "read", path);
        return NULL;
    }
    if (!S_ISREG(facts.st_mode) || facts.st_size > MOST_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: it is no WAV file of up to a minute", path);
        return NULL;
    }
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, &bytes, &size, &problem)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_IO, problem->message);
        return NULL;
    }
    return g_bytes_new_take(bytes, size);
}

DubPcm *dub_float_wav_read(const char *path, GError **error)
{
    g_autoptr(GBytes) bytes = read_bytes(path, error);
    if (!bytes)
        return NULL;
    gsize size = 0;
    const guint8 *wav = g_bytes_get_data(bytes, &size);
    DubPcm *pcm = NULL;
    if (dub_fragment_sniff(bytes) != DUB_CONTENT_WAV)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "it is no WAV file of up to a minute");
    else
        pcm = is_own(wav, size) ? read_own(wav, size, error) : dub_fragment_decode(bytes, 16000, 1, error);
    if (!pcm)
        g_prefix_error(error, "%s: ", path);
    return pcm;
}
