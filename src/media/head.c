/* media/head.c: waits for the live stream's first units, fetches the recording until it reaches them, joins both.
 * Loop thread only. */
#include "media/head.h"

#include "base/error.h"
#include "base/log.h"
#include "base/timer.h"
#include "media/head-recording.h"

#define GATHER_MS  100u                /* for all that waits to come out of the source: a round of the loop */
#define WAIT_MS    3000u               /* unless the configuration has another */
#define ASK_MS     300u                /* between two looks into a recording that does not reach far enough */
#define LONGEST_NS (20 * DUB_NS_PER_S) /* a stream that has been running for longer is joined where it is, */
#define MISSED_NS  (30 * DUB_NS_PER_S) /* and one that went on without us for so long, too */
#define MAX_BYTES  ((gsize) 64 << 20)  /* of the head, and of what comes live meanwhile: 20 s at 25 Mbit/s */

typedef enum { ITEM_VIDEO, ITEM_SOUND, ITEM_COMMENTARY, ITEM_EOS, ITEM_ERROR } ItemKind;

typedef struct {
    ItemKind kind;
    DubAccessUnit *unit;
    DubPcm *pcm;
    int64_t pts_ns; /* of SOUND and COMMENTARY */
    GError *error;
} Item;

struct _DubHeadSource {
    char *name, *playback_url; /* NULL: nothing to fetch, or fetched */
    DubSourceCallbacks callbacks;
    void *user_data;
    GMainContext *context;
    DubSource *live;
    DubHeadRecording *recording;
    GSource *deadline, *ask, *flush;
    guint wait_ms;
    int64_t since_unix_ms;    /* 0: from the stream's beginning */
    unsigned audio_track;     /* of the recording, where the live sound is from */
    bool is_held, is_waiting; /* is_waiting: what comes live is kept in `items` */
    DubSourceInfo info;
    GQueue items;     /* of Item *, in order */
    DubTake *begun;   /* references to the live units in `items`, for the search; or NULL */
    int64_t ahead_ns; /* the most that a live timestamp was ahead of the clock: of the unit that waited least */
};

static void item_free(Item *item)
{
    if (item->unit)
        dub_access_unit_free(item->unit);
    dub_pcm_unref(item->pcm);
    g_clear_error(&item->error);
    g_free(item);
}

static void later(DubHeadSource *self, GSource **source, guint wait_ms, GSourceFunc function)
{
    dub_timer_drop(source);
    *source = g_timeout_source_new(wait_ms);
    g_source_set_callback(*source, function, self, NULL);
    g_source_attach(*source, self->context);
}

/* --- delivery ---------------------------------------------------------------------------------------------------- */

static void deliver(DubHeadSource *self, Item *item)
{
    switch (item->kind) {
    case ITEM_VIDEO: self->callbacks.on_video(g_steal_pointer(&item->unit), self->user_data); break;
    case ITEM_SOUND: self->callbacks.on_audio(g_steal_pointer(&item->pcm), item->pts_ns, self->user_data); break;
    case ITEM_COMMENTARY:
        self->callbacks.on_commentary(g_steal_pointer(&item->pcm), item->pts_ns, self->user_data);
        break;
    case ITEM_EOS: self->callbacks.on_eos(self->user_data); break;
    case ITEM_ERROR: self->callbacks.on_error(item->error, self->user_data); break;
    }
    item_free(item);
}

static void flush(DubHeadSource *self)
{
    while (!self->is_held && !self->is_waiting && !g_queue_is_empty(&self->items))
        deliver(self, g_queue_pop_head(&self->items));
}

static gboolean on_flush(void *data)
{
    DubHeadSource *self = data;
    g_clear_pointer(&self->flush, g_source_unref);
    flush(self);
    return G_SOURCE_REMOVE;
}

static int64_t time_of(const Item *item)
{
    if (item->kind == ITEM_VIDEO)
        return item->unit->dts_ns != DUB_TIME_NONE ? item->unit->dts_ns : item->unit->pts_ns;
    return item->pts_ns;
}

static int64_t earliest(const DubHeadSource *self)
{
    int64_t first_ns = G_MAXINT64;
    for (const GList *l = self->items.head; l; l = l->next) {
        const Item *item = l->data;
        if (item->kind == ITEM_VIDEO || item->kind == ITEM_SOUND)
            first_ns = MIN(first_ns, item->kind == ITEM_VIDEO ? item->unit->pts_ns : item->pts_ns);
    }
    return first_ns;
}

/* The end of the waiting, with or without a head in front of the items. */
static void go_on(DubHeadSource *self)
{
    const int64_t first_ns = earliest(self);
    self->is_waiting = false;
    dub_timer_drop(&self->deadline);
    dub_timer_drop(&self->ask);
    g_clear_pointer(&self->begun, dub_take_free);
    if (first_ns != G_MAXINT64) {
        self->info.age_ns = MAX(dub_clock_now() + self->ahead_ns - first_ns, 0);
        self->info.first_ns = first_ns;
    }
    self->callbacks.on_info(&self->info, self->user_data);
    flush(self);
}

static void go_on_without(DubHeadSource *self, const char *why)
{
    dub_warning(
        "%s: its first seconds are lost to the output: %s; MediaMTX keeps them with playback: yes, and for this path "
        "record: yes, recordFormat: fmp4 and recordPartDuration: 1s or less",
        self->name, why);
    go_on(self);
}

/* --- joining ----------------------------------------------------------------------------------------------------- */

static DubAccessUnit *shifted(const DubAccessUnit *unit, int64_t offset_ns)
{
    const int64_t dts_ns = unit->dts_ns != DUB_TIME_NONE ? unit->dts_ns + offset_ns : DUB_TIME_NONE;
    DubAccessUnit *copy = dub_access_unit_new(gst_buffer_ref(unit->buffer), unit->pts_ns + offset_ns, dts_ns);
    copy->duration_ns = unit->duration_ns;
    copy->key_frame = unit->key_frame;
    return copy;
}

static Item *item_of_unit(DubAccessUnit *unit)
{
    Item *item = g_new0(Item, 1);
    *item = (Item){ .kind = ITEM_VIDEO, .unit = unit };
    return item;
}

static Item *item_of_sound(DubPcm *pcm, int64_t pts_ns)
{
    Item *item = g_new0(Item, 1);
    *item = (Item){ .kind = ITEM_SOUND, .pcm = pcm, .pts_ns = pts_ns };
    return item;
}

static void drop_live_sound(DubHeadSource *self, guint n_blocks)
{
    for (GList *l = self->items.head; l && n_blocks > 0;) {
        GList *next = l->next;
        if (((Item *) l->data)->kind == ITEM_SOUND) {
            item_free(l->data);
            g_queue_delete_link(&self->items, l);
            n_blocks--;
        }
        l = next;
    }
}

static int compare_items(const void *a, const void *b, G_GNUC_UNUSED void *user_data)
{
    const int64_t x = time_of(a), y = time_of(b);
    return (x > y) - (x < y);
}

/* The recording has a second of one, then a second of the other: in order of time the worker gets them as they came. */
static void put_before(DubHeadSource *self, const DubTake *head, const DubSeam *seam)
{
    GQueue all = G_QUEUE_INIT;
    for (guint i = 0; i < seam->n_video; i++)
        g_queue_push_tail(&all, item_of_unit(shifted(head->video->pdata[i], seam->video_offset_ns)));
    for (guint i = 0; i <= seam->n_sound && i < head->sound->len; i++) {
        const DubTakeSound *sound = &g_array_index(head->sound, DubTakeSound, i);
        const bool is_cut = i == seam->n_sound;
        if (!is_cut)
            g_queue_push_tail(&all, item_of_sound(dub_pcm_ref(sound->pcm), sound->pts_ns + seam->sound_offset_ns));
        else if (seam->n_frames > 0)
            g_queue_push_tail(&all, item_of_sound(dub_pcm_slice(sound->pcm, 0, seam->n_frames),
                                                  sound->pts_ns + seam->sound_offset_ns));
    }
    g_queue_sort(&all, compare_items, NULL); /* stable */
    drop_live_sound(self, seam->first_live_sound);
    while (!g_queue_is_empty(&all))
        g_queue_push_head(&self->items, g_queue_pop_tail(&all));
}

/* Where what came before @since_unix_ms ends, on the live stream's clock. */
static int64_t played_until(const DubHeadSource *self)
{
    const int64_t ago_ns = (dub_clock_unix_ms() - self->since_unix_ms) * DUB_NS_PER_MS;
    return dub_clock_now() - ago_ns + self->ahead_ns;
}

static const Item *last_key_before(const DubHeadSource *self, int64_t until_ns)
{
    const Item *key = NULL;
    for (const GList *l = self->items.head; l; l = l->next) {
        const Item *item = l->data;
        if (item->kind == ITEM_VIDEO && item->unit->key_frame && item->unit->pts_ns <= until_ns)
            key = item;
    }
    return key;
}

/* A player that comes back begins with a key picture, and the sound with it. */
static void drop_played(DubHeadSource *self)
{
    const Item *key = last_key_before(self, played_until(self));
    bool is_before = true;
    for (GList *l = self->items.head; key && l;) {
        GList *next = l->next;
        const Item *item = l->data;
        is_before &= item != key;
        if (item->kind == ITEM_VIDEO ? is_before : item->kind == ITEM_SOUND && item->pts_ns < key->unit->pts_ns) {
            item_free(l->data);
            g_queue_delete_link(&self->items, l);
        }
        l = next;
    }
}

static const GValue *codec_data_of(const GstCaps *caps)
{
    return caps ? gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data") : NULL;
}

static bool is_same_stream(const GstCaps *one, const GstCaps *other)
{
    const GValue *a = codec_data_of(one), *b = codec_data_of(other);
    return !a || !b || gst_value_compare(a, b) == GST_VALUE_EQUAL;
}

/* Headers are out of band: with others before the seam than after it, nobody could decode one side. What else differs
 * in the caps, such as the frame rate that a demuxer guesses, says nothing. */
static bool has_same_headers(const DubHeadSource *self, const DubTake *head)
{
    for (guint i = 0; i < head->video->len; i++) {
        const GstCaps *caps = ((const DubAccessUnit *) head->video->pdata[i])->new_caps;
        if (caps && !is_same_stream(caps, self->info.video_caps))
            return false;
    }
    return is_same_stream(head->caps, self->info.video_caps);
}

static gboolean on_ask(void *data);

static void on_recording(DubTake *take, const GError *error, void *user_data)
{
    DubHeadSource *self = user_data;
    g_autoptr(DubTake) head = take;
    DubSeam seam;
    g_clear_pointer(&self->recording, dub_head_recording_free);
    if (!self->is_waiting)
        return;
    if (head && dub_seam_find(head, self->begun, &seam)) {
        if (!has_same_headers(self, head)) {
            go_on_without(self, "the recording has other codec headers");
            return;
        }
        put_before(self, head, &seam);
        dub_info("%s: %u pictures from before the first live one are recovered", self->name, seam.n_video);
        if (self->since_unix_ms)
            drop_played(self);
        go_on(self);
    } else if (!error || g_error_matches(error, DUB_ERROR, DUB_ERROR_NOT_FOUND)) {
        later(self, &self->ask, ASK_MS, on_ask); /* not yet */
    } else if (g_error_matches(error, DUB_ERROR, DUB_ERROR_BACKPRESSURE)) {
        dub_info("%s: taken from here on: %s", self->name, error->message);
        go_on(self);
    } else {
        go_on_without(self, error->message);
    }
}

static gboolean on_ask(void *data)
{
    DubHeadSource *self = data;
    g_clear_pointer(&self->ask, g_source_unref);
    const int64_t ago_ms = self->since_unix_ms ? dub_clock_unix_ms() - self->since_unix_ms : 0;
    const DubHeadWish wish = { .ago_ns = ago_ms * DUB_NS_PER_MS,
                               .longest_ns = self->since_unix_ms ? MISSED_NS : LONGEST_NS,
                               .max_bytes = MAX_BYTES,
                               .audio_track = self->audio_track };
    self->recording = dub_head_recording_new(self->playback_url, self->name, &wish, on_recording, self);
    return G_SOURCE_REMOVE;
}

static gboolean on_deadline(void *data)
{
    DubHeadSource *self = data;
    g_clear_pointer(&self->deadline, g_source_unref);
    g_clear_pointer(&self->recording, dub_head_recording_free);
    go_on_without(self, "no recording reached the first live picture in time");
    return G_SOURCE_REMOVE;
}

/* --- without a recording ----------------------------------------------------------------------------------------- */

/* What waited in the source for its first key frame is up to a group of pictures old: it is dated by its newest unit,
 * which has just come. */
static gboolean on_gathered(void *data)
{
    go_on(data);
    return G_SOURCE_REMOVE;
}

/* Once the source has nothing more at hand: it hands over at a higher priority. */
static void gather(DubHeadSource *self)
{
    dub_timer_drop(&self->ask);
    self->ask = g_idle_source_new();
    g_source_set_callback(self->ask, on_gathered, self, NULL);
    g_source_attach(self->ask, self->context);
}

/* --- the live source --------------------------------------------------------------------------------------------- */

static void on_live_info(const DubSourceInfo *info, void *user_data)
{
    DubHeadSource *self = user_data;
    if (!info->video_caps || !info->live) {
        self->callbacks.on_info(info, self->user_data);
        return;
    }
    self->info = *info;
    self->info.video_caps = gst_caps_ref(info->video_caps);
    self->begun = self->playback_url ? dub_take_new() : NULL;
    self->ahead_ns = G_MININT64;
    self->is_waiting = true;
    if (self->playback_url) {
        later(self, &self->deadline, self->wait_ms, on_deadline);
        later(self, &self->ask, 0, on_ask);
    } else {
        later(self, &self->deadline, GATHER_MS, on_gathered);
        gather(self);
    }
}

static void take_item(DubHeadSource *self, Item *item)
{
    if (!self->is_waiting && !self->is_held && g_queue_is_empty(&self->items)) {
        deliver(self, item);
        return;
    }
    g_queue_push_tail(&self->items, item);
    if (!self->is_waiting || item->kind == ITEM_EOS || item->kind == ITEM_ERROR)
        return;
    self->ahead_ns = MAX(self->ahead_ns, time_of(item) - dub_clock_now());
    if (!self->begun || item->kind == ITEM_COMMENTARY)
        return;
    if (item->unit)
        dub_take_add_video(self->begun, shifted(item->unit, 0));
    else
        dub_take_add_sound(self->begun, dub_pcm_ref(item->pcm), item->pts_ns);
    if (self->begun->n_bytes > MAX_BYTES)
        go_on_without(self, "too much came meanwhile");
}

static void on_live_video(DubAccessUnit *unit, void *user_data)
{
    take_item(user_data, item_of_unit(unit));
}

static void on_live_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    take_item(user_data, item_of_sound(pcm, pts_ns));
}

static void on_live_commentary(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    Item *item = item_of_sound(pcm, pts_ns);
    item->kind = ITEM_COMMENTARY;
    take_item(user_data, item);
}

static void on_live_eos(void *user_data)
{
    Item *item = g_new0(Item, 1);
    item->kind = ITEM_EOS;
    take_item(user_data, item);
}

static void on_live_error(const GError *error, void *user_data)
{
    Item *item = g_new0(Item, 1);
    *item = (Item){ .kind = ITEM_ERROR, .error = g_error_copy(error) };
    take_item(user_data, item);
}

static const DubSourceCallbacks live_callbacks = { on_live_info, on_live_video, on_live_audio,
                                                   on_live_eos,  on_live_error, on_live_commentary };

DubHeadSource *dub_head_source_new(const char *uri, const DubHeadConfig *config, const DubSourceCallbacks *callbacks,
                                   void *user_data, GError **error)
{
    DubHeadSource *self = g_new0(DubHeadSource, 1);
    self->playback_url = g_strdup(config->playback_url);
    self->name = g_strdup(config->path);
    self->since_unix_ms = config->since_unix_ms;
    self->audio_track =
        config->choice.audio_track ? config->choice.audio_track : 1 + (config->choice.commentary_track == 1);
    self->wait_ms = config->wait_ms ? config->wait_ms : WAIT_MS;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    g_queue_init(&self->items);
    self->live = dub_source_new(uri, &config->choice, &live_callbacks, self, error);
    if (self->live)
        return self;
    dub_head_source_free(self);
    return NULL;
}

void dub_head_source_start(DubHeadSource *self)
{
    dub_source_start(self->live);
}

void dub_head_source_set_held(DubHeadSource *self, bool held)
{
    self->is_held = held;
    dub_source_set_held(self->live, held);
    if (!held && !g_queue_is_empty(&self->items))
        later(self, &self->flush, 0, on_flush);
}

void dub_head_source_free(DubHeadSource *self)
{
    if (!self)
        return;
    dub_timer_drop(&self->deadline);
    dub_timer_drop(&self->ask);
    dub_timer_drop(&self->flush);
    dub_head_recording_free(self->recording);
    dub_source_free(self->live);
    dub_take_free(self->begun);
    g_queue_clear_full(&self->items, (GDestroyNotify) item_free);
    gst_clear_caps(&self->info.video_caps);
    g_main_context_unref(self->context);
    g_free(self->playback_url);
    g_free(self->name);
    g_free(self);
}
