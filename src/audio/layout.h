/* audio/layout.h: which speaker each channel belongs to. The number of channels says it, everywhere in the product:
 *   1 mono, 2 L R, 3 L R C, 4 L R Bl Br, 5 L R C Bl Br, 6 L R C LFE Bl Br (5.1), 7 L R C LFE Bc Sl Sr (6.1),
 *   8 L R C LFE Bl Br Sl Sr (7.1)
 * which is the order of WAVE and of libavcodec, and the choice of speakers of Opus and FLAC. Pure, any thread. */
#pragma once

#include "audio/pcm.h"

#include <libavutil/channel_layout.h>
#include <stdbool.h>

struct SwrContext;

#define DUB_LAYOUT_SILENT 0.003f /* -50 dBFS, root mean square: a centre in which nobody speaks */

/* Sets of numbers of channels: bit n stands for n channels. */
enum {
    DUB_CHANNELS_STEREO = 1 << 1 | 1 << 2,
    DUB_CHANNELS_ADTS = DUB_CHANNELS_STEREO | 1 << 3 | 1 << 5 | 1 << 6, /* what AAC has a number for */
    DUB_CHANNELS_AAC = DUB_CHANNELS_ADTS | 1 << 4, /* beyond 5.1 decoders disagree about speakers */
    DUB_CHANNELS_ALL = 0x1fe,
};

void dub_layout_init(AVChannelLayout *layout, unsigned channels); /* 1…DUB_MAX_CHANNELS; nothing to free */
int dub_layout_centre(unsigned channels);                         /* the channel that speech is in; -1: L and R are */
int dub_layout_lfe(unsigned channels);                            /* -1: none */

/* Returns: the number of channels of @allowed, a set, in which least of @from is lost: speakers may be added, which
 * stay silent. Channels without a known place are taken by their number. */
unsigned dub_layout_fit(const AVChannelLayout *from, unsigned allowed);

/* Sets @swr, which is not initialised yet, to mix @from into @channels: each channel keeps its level, so that speech
 * does, and what the centre held is 3 dB lower in each of left and right. Sums may go beyond full scale. */
bool dub_layout_set_mix(struct SwrContext *swr, const AVChannelLayout *from, unsigned channels);
