/* timeline/segmenter.c: one growing buffer from the last cut on; bounded by the longest segment plus the tail,
 * because a cut is made as soon as the search window is full. */
#include "timeline/segmenter.h"

#include "audio/level.h"
#include "base/clock.h"

#include <stdbool.h>
#include <string.h>

#define SEARCH_MS  1500 /* either side of the mark */
#define FURTHER_MS 2000 /* and so much before, for a clear pause: a cut sentence costs words (docs/performance.md) */
#define WINDOW_MS  100
#define CLEAR_DB   12 /* a clear pause: this far below the segment's own level, */
#define FLOOR_DB   3  /* and no more than this above its quietest 100 ms: the room, not a soft syllable */
#define SLACK_MS \
    100 /* how much longer than a whole number of segments a stream may be, and still have that number of them */
#define SHORTEST_MS 100 /* PROTOCOL.md: chunk_duration_ms 100…30000; a shorter rest joins the last segment */

struct _DubSegmenter {
    DubSegmenterConfig config;
    int64_t tail_frames, longest_frames;
    GArray *samples; /* float, from `first` on */
    int64_t first;   /* timeline position of samples[0] */
    uint64_t next_index;
    int64_t looked_at; /* eager: frames buffered when a clear pause was last looked for */
    bool finished;
    bool forced;
};

void dub_segment_free(DubSegment *self)
{
    if (!self)
        return;
    dub_pcm_unref(self->pcm);
    g_free(self);
}

static int64_t ms_to_frames(const DubSegmenter *self, int64_t ms)
{
    return dub_ns_to_samples(ms * DUB_NS_PER_MS, self->config.rate_hz);
}

DubSegmenter *dub_segmenter_new(const DubSegmenterConfig *config)
{
    g_return_val_if_fail(config->longest_ns >= config->nominal_ns && config->nominal_ns > 0, NULL);
    DubSegmenter *self = g_new0(DubSegmenter, 1);
    self->config = *config;
    self->tail_frames = ms_to_frames(self, DUB_CROSSFADE_MS);
    self->longest_frames = dub_ns_to_samples(config->longest_ns, config->rate_hz);
    self->samples = g_array_new(FALSE, FALSE, sizeof(float));
    return self;
}

void dub_segmenter_free(DubSegmenter *self)
{
    if (!self)
        return;
    g_array_unref(self->samples);
    g_free(self);
}

static int64_t buffered(const DubSegmenter *self)
{
    return self->samples->len / self->config.channels;
}

void dub_segmenter_push(DubSegmenter *self, const float *samples, gsize n_frames)
{
    g_return_if_fail(!self->finished);
    g_array_append_vals(self->samples, samples, (guint) (n_frames * self->config.channels));
}

void dub_segmenter_finish(DubSegmenter *self)
{
    self->finished = true;
}

void dub_segmenter_resume(DubSegmenter *self)
{
    self->finished = false;
}

void dub_segmenter_skip(DubSegmenter *self, int64_t n_frames)
{
    g_return_if_fail(buffered(self) == 0);
    self->first += n_frames;
}

void dub_segmenter_force(DubSegmenter *self)
{
    self->forced = true;
}

static int64_t nominal_frames(const DubSegmenter *self)
{
    return dub_ns_to_samples(self->config.nominal_ns, self->config.rate_hz);
}

/* How far before its mark a cut may be: the segment after it can then reach the next mark, and when the stream ends
 * there, it is the last one. Further back, cuts would add up, and a stream would have more segments than its length
 * gives. */
static int64_t most_early(const DubSegmenter *self)
{
    return MAX(self->longest_frames - nominal_frames(self) - ms_to_frames(self, SLACK_MS), 0);
}

/* The length of a segment that ends at the next mark. */
static int64_t length_to_mark(const DubSegmenter *self)
{
    const int64_t nominal = nominal_frames(self);
    const int64_t mark =
        dub_ns_to_samples((int64_t) (self->next_index + 1) * self->config.nominal_ns, self->config.rate_hz);
    /* A forced cut may have left the marks behind: then the nominal length counts from here. */
    return mark - self->first < nominal / 2 ? nominal : MIN(mark - self->first, self->longest_frames);
}

/* The window that the next cut is looked for in, as lengths of the segment: [from, to). */
static void next_window(const DubSegmenter *self, int64_t *from, int64_t *to)
{
    const int64_t nominal = nominal_frames(self), at_mark = length_to_mark(self);
    if (self->config.mode == DUB_SEGMENT_FIXED) {
        *from = *to = at_mark;
        return;
    }
    const int64_t search = MIN(ms_to_frames(self, SEARCH_MS), nominal / 4);
    *from = MAX(at_mark - MIN(search, most_early(self)), nominal / 4);
    *to = MIN(at_mark + search, self->longest_frames);
}

static double level_at(const DubSegmenter *self, int64_t first, int64_t n_frames)
{
    const DubPcm view = { self->config.rate_hz, self->config.channels, (gsize) buffered(self),
                          (float *) (void *) self->samples->data, 0 };
    return dub_level_rms_dbfs(&view, (gsize) first, (gsize) n_frames);
}

static int64_t quietest(const DubSegmenter *self, int64_t from, int64_t to, int64_t window)
{
    return (int64_t) dub_level_quietest((const float *) (void *) self->samples->data, (gsize) buffered(self),
                                        self->config.channels, (gsize) from, (gsize) to, (gsize) window);
}

/* Is the window at @quiet a pause, by what was said in the first @have frames? */
static bool is_clear(const DubSegmenter *self, int64_t quiet, int64_t have, int64_t window)
{
    const double level = level_at(self, quiet, window);
    return level <= level_at(self, 0, have) - CLEAR_DB &&
           level <= level_at(self, quietest(self, 0, have, window), window) + FLOOR_DB;
}

/* The quietest within [from, to); if that is inside a word, a clear pause a little before, if there is one that is not
 * too early. It was waited for until @to anyway, so that costs no time. */
static int64_t choose_length(const DubSegmenter *self, int64_t from, int64_t to)
{
    if (from >= to)
        return to;
    const int64_t window = MIN(ms_to_frames(self, WINDOW_MS), to - from);
    const int64_t quiet = quietest(self, from, to, window);
    const int64_t before_mark = MAX(most_early(self) - ms_to_frames(self, SEARCH_MS), 0);
    const int64_t further = MAX(from - MIN(ms_to_frames(self, FURTHER_MS), before_mark), nominal_frames(self) / 4);
    if (further + window < from && !is_clear(self, quiet, to, window)) {
        const int64_t before = quietest(self, further, from, window);
        if (is_clear(self, before, to, window))
            return before + window / 2;
    }
    return quiet + window / 2;
}

/* Looked for once per window's worth of new sound; 0: none yet. Not before the mark is past: a stream that ends there
 * has no segment more, and what is cut before its end would leave one. */
static int64_t find_clear_pause(DubSegmenter *self, int64_t from)
{
    const int64_t window = ms_to_frames(self, WINDOW_MS), have = buffered(self) - self->tail_frames;
    if (!self->config.eager || self->config.mode != DUB_SEGMENT_PAUSE || have < from + window ||
        have < length_to_mark(self) + ms_to_frames(self, SLACK_MS) || have - self->looked_at < window)
        return 0;
    self->looked_at = have;
    const int64_t quiet = quietest(self, from, have, window);
    return is_clear(self, quiet, have, window) ? quiet + window / 2 : 0;
}

static DubSegment *cut(DubSegmenter *self, int64_t length)
{
    const unsigned channels = self->config.channels;
    const int64_t with_tail = MIN(length + self->tail_frames, buffered(self));
    DubSegment *segment = g_new0(DubSegment, 1);
    segment->index = self->next_index++;
    segment->first_frame = self->first;
    segment->n_frames = length;
    segment->pcm = dub_pcm_new(self->config.rate_hz, channels, (gsize) with_tail);
    memcpy(segment->pcm->samples, self->samples->data, (gsize) with_tail * channels * sizeof(float));
    g_array_remove_range(self->samples, 0, (guint) (length * channels));
    self->first += length;
    self->looked_at = 0;
    return segment;
}

DubSegment *dub_segmenter_take(DubSegmenter *self)
{
    if (self->forced) {
        self->forced = false;
        return buffered(self) > 0 ? cut(self, buffered(self)) : NULL;
    }
    int64_t from, to;
    next_window(self, &from, &to);
    const int64_t have = buffered(self);
    if (have >= to + self->tail_frames)
        return cut(self, choose_length(self, from, to));
    const int64_t clear = find_clear_pause(self, from);
    if (clear > 0)
        return cut(self, clear);
    if (!self->finished || have == 0)
        return NULL;
    /* The end is inside or before the window: one segment, unless the rest would be longer than allowed. */
    if (have > self->longest_frames)
        return cut(self, choose_length(self, from, MIN(to, have - ms_to_frames(self, SHORTEST_MS))));
    return cut(self, have);
}
