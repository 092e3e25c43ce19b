/* audio/layout.c: the one list of layouts, and libswresample's matrices between them. */
#include "audio/layout.h"

#include <glib.h>
#include <libavutil/mathematics.h>
#include <libswresample/swresample.h>
#include <math.h>

#define NO_NORMALISATION 1000.0 /* or all would be turned down by what the loudest sum might come to */
#define BACK             (AV_CH_BACK_LEFT | AV_CH_BACK_RIGHT)
#define SIDE             (AV_CH_SIDE_LEFT | AV_CH_SIDE_RIGHT)
#define SURROUND         (BACK | SIDE | AV_CH_BACK_CENTER)
#define LFE              (AV_CH_LOW_FREQUENCY | AV_CH_LOW_FREQUENCY_2)
#define MAX_MIXED        64 /* libswresample's own bound */

static const uint64_t masks[DUB_MAX_CHANNELS + 1] = {
    [1] = AV_CH_LAYOUT_MONO,    [2] = AV_CH_LAYOUT_STEREO,       [3] = AV_CH_LAYOUT_SURROUND,
    [4] = AV_CH_LAYOUT_QUAD,    [5] = AV_CH_LAYOUT_5POINT0_BACK, [6] = AV_CH_LAYOUT_5POINT1_BACK,
    [7] = AV_CH_LAYOUT_6POINT1, [8] = AV_CH_LAYOUT_7POINT1,
};

void dub_layout_init(AVChannelLayout *layout, unsigned channels)
{
    g_return_if_fail(channels >= 1 && channels <= DUB_MAX_CHANNELS);
    *layout = (AVChannelLayout){ 0 };
    av_channel_layout_from_mask(layout, masks[channels]);
}

static int index_of(unsigned channels, enum AVChannel channel)
{
    AVChannelLayout layout;
    dub_layout_init(&layout, channels);
    return channels > 2 ? av_channel_layout_index_from_channel(&layout, channel) : -1;
}

int dub_layout_centre(unsigned channels)
{
    return MAX(index_of(channels, AV_CHAN_FRONT_CENTER), -1);
}

int dub_layout_lfe(unsigned channels)
{
    return MAX(index_of(channels, AV_CHAN_LOW_FREQUENCY), -1);
}

/* Known speakers in libavcodec's order; 0: none, or some that only a matrix of one's own could place. */
static uint64_t mask_of(const AVChannelLayout *from)
{
    if (from->order == AV_CHANNEL_ORDER_NATIVE)
        return from->u.mask;
    return from->order == AV_CHANNEL_ORDER_UNSPEC && from->nb_channels >= 1 && from->nb_channels <= DUB_MAX_CHANNELS
               ? masks[from->nb_channels]
               : 0;
}

static unsigned least_that_holds(uint64_t mask)
{
    const bool has_pairs = (mask & BACK && mask & SIDE), has_third = mask & AV_CH_BACK_CENTER && mask & SIDE;
    if (has_pairs)
        return 8;
    if (has_third)
        return 7;
    if (mask & LFE)
        return 6;
    if (mask & SURROUND)
        return mask & AV_CH_FRONT_CENTER || mask & AV_CH_BACK_CENTER ? 5 : 4;
    if (mask & AV_CH_FRONT_CENTER && mask & AV_CH_LAYOUT_STEREO)
        return 3;
    return mask == AV_CH_LAYOUT_MONO || mask == AV_CH_FRONT_LEFT ? 1 : 2;
}

unsigned dub_layout_fit(const AVChannelLayout *from, unsigned allowed)
{
    const uint64_t mask = mask_of(from);
    const unsigned wanted = from->nb_channels == 1 ? 1 : mask ? least_that_holds(mask) : 2;
    for (unsigned channels = wanted; channels <= DUB_MAX_CHANNELS; channels++)
        if (allowed & 1u << channels)
            return channels;
    for (unsigned channels = wanted; channels > 1; channels--)
        if (allowed & 1u << channels)
            return channels;
    return 1;
}

static bool set_even_mix(struct SwrContext *swr, int from_channels, double gain)
{
    double matrix[MAX_MIXED * DUB_MAX_CHANNELS];
    for (gsize i = 0; i < G_N_ELEMENTS(matrix); i++)
        matrix[i] = gain;
    return swr_set_matrix(swr, matrix, from_channels) >= 0;
}

bool dub_layout_set_mix(struct SwrContext *swr, const AVChannelLayout *from, unsigned channels)
{
    double matrix[MAX_MIXED * DUB_MAX_CHANNELS] = { 0 };
    AVChannelLayout known = { 0 }, to;
    if (from->nb_channels > MAX_MIXED)
        return false;
    if (mask_of(from) == 0) /* whatever the channels are, all of them are heard, and no louder than they are apart */
        return set_even_mix(swr, from->nb_channels, 1.0 / sqrt(channels));
    dub_layout_init(&to, channels);
    if (av_channel_layout_from_mask(&known, mask_of(from)) < 0 || !av_channel_layout_compare(&known, &to))
        return true; /* the same: nothing is mixed */
    if (from->nb_channels == 1)
        return set_even_mix(swr, 1, 1.0);
    return swr_build_matrix2(&known, &to, M_SQRT1_2, M_SQRT1_2, 0, NO_NORMALISATION, 1.0, matrix, from->nb_channels,
                             AV_MATRIX_ENCODING_NONE, NULL) >= 0 &&
           swr_set_matrix(swr, matrix, from->nb_channels) >= 0;
}
