/* media/flv-tracks.c: an Enhanced RTMP tag, taken apart. */
#include "media/flv-tracks.h"

#include "media/bytes.h"

enum { VIDEO_MULTITRACK = 6, AUDIO_MULTITRACK = 5, PACKET_MODEX = 7, PACKET_NONE = 0xff };
enum { ONE_TRACK = 0, MANY_TRACKS = 1, MANY_CODECS = 2 };
enum { FOURCC_BYTES = 4 };

static bool skip(DubFlvTracks *self, gsize n_bytes)
{
    if (self->left < n_bytes)
        return false;
    self->data += n_bytes;
    self->left -= n_bytes;
    return true;
}

/* Each ModEx says its size in one byte, or in two more after 255, less one; the next packet type stands in the byte
 * behind it. */
static bool skip_modifiers(DubFlvTracks *self)
{
    while (self->packet == PACKET_MODEX) {
        if (self->left < 1)
            return false;
        gsize size = self->data[0] + 1u;
        const bool is_long = size == 256;
        if (is_long && self->left < 3)
            return false;
        if (is_long)
            size = ((gsize) self->data[1] << 8 | self->data[2]) + 1;
        if (!skip(self, (is_long ? 3 : 1) + size) || self->left < 1)
            return false;
        self->packet = self->data[0] & 0x0f;
        skip(self, 1);
    }
    return true;
}

static bool read_layout(DubFlvTracks *self)
{
    if (self->left < 1)
        return false;
    self->layout = self->data[0] >> 4;
    self->packet = self->data[0] & 0x0f;
    return skip(self, 1) && self->layout <= MANY_CODECS;
}

static bool read_fourcc(DubFlvTracks *self, const uint8_t **fourcc)
{
    *fourcc = self->data;
    return skip(self, FOURCC_BYTES);
}

void dub_flv_tracks_init(DubFlvTracks *self, const uint8_t *data, gsize size, bool is_video)
{
    *self = (DubFlvTracks){ .data = data, .left = size, .is_over = true };
    if (!size)
        return;
    self->packet = data[0] & 0x0f;
    skip(self, 1);
    if (!skip_modifiers(self))
        return;
    self->is_multitrack = self->packet == (is_video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK);
    if (self->is_multitrack && !read_layout(self))
        return;
    if (self->layout != MANY_CODECS && !read_fourcc(self, &self->fourcc))
        return;
    self->is_over = false;
}

static bool take(DubFlvTracks *self, DubFlvTrack *track)
{
    *track = (DubFlvTrack){ .fourcc = self->fourcc, .packet = self->packet };
    if (self->is_multitrack) {
        if (self->layout == MANY_CODECS && !read_fourcc(self, &track->fourcc))
            return false;
        if (self->left < 1)
            return false;
        track->track = self->data[0];
        skip(self, 1);
    }
    track->size = self->left;
    if (self->is_multitrack && self->layout != ONE_TRACK) {
        if (self->left < 3)
            return false;
        track->size = dub_get_be24(self->data);
        skip(self, 3);
    }
    track->body = self->data;
    return skip(self, track->size);
}

bool dub_flv_tracks_next(DubFlvTracks *self, DubFlvTrack *track)
{
    if (self->is_over || !take(self, track)) {
        self->is_over = true;
        return false;
    }
    self->is_over = !self->is_multitrack || self->layout == ONE_TRACK || self->left == 0;
    return true;
}
