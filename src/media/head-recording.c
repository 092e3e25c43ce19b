/* media/head-recording.c */
#include "media/head-recording.h"

#include "base/error.h"
#include "base/http.h"
#include "base/json.h"
#include "media/source.h"

#include <libsoup/soup.h>
#include <string.h>

#define LIST_MAX_BYTES (1u << 20) /* an entry takes 200; a path has one for each time it was published */
#define TIMEOUT_S      5u
#define BEGIN_IN_NS    (4 * DUB_NS_PER_S) /* a group of pictures, mostly: from its middle on it could not be decoded */

struct _DubHeadRecording {
    unsigned refs; /* the owner's, and that of a call under way, which may still write into the list */
    bool is_freed;
    char *base, *path;
    DubHeadWish wish;
    DubHeadRecordingFunc done;
    void *user_data;
    SoupSession *session;
    GCancellable *cancellable;
    GMainContext *context;
    char *list; /* what came of it; LIST_MAX_BYTES and one more */
    DubSource *source;
    DubTake *take;
    GError *error;
    GSource *finish; /* a source may not be freed in its own callback */
};

static void unref(DubHeadRecording *self)
{
    if (--self->refs)
        return;
    g_main_context_unref(self->context);
    g_free(self->list);
    g_free(self->base);
    g_free(self->path);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHeadRecording, unref)

static gboolean on_finish(void *data)
{
    DubHeadRecording *self = data;
    g_clear_pointer(&self->finish, g_source_unref);
    g_clear_pointer(&self->source, dub_source_free);
    g_autoptr(GError) error = g_steal_pointer(&self->error);
    DubTake *take = error ? NULL : g_steal_pointer(&self->take);
    self->done(take, error, self->user_data); /* the last: it may free us */
    return G_SOURCE_REMOVE;
}

static void finish(DubHeadRecording *self, GError *error /* (transfer full) (nullable) */)
{
    if (self->finish) {
        g_clear_error(&error);
        return;
    }
    self->error = error;
    self->finish = g_idle_source_new();
    g_source_set_priority(self->finish, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->finish, on_finish, self, NULL);
    g_source_attach(self->finish, self->context);
}

/* --- what is recorded -------------------------------------------------------------------------------------------- */

static void on_info(const DubSourceInfo *info, void *user_data)
{
    DubHeadRecording *self = user_data;
    gst_caps_replace(&self->take->caps, info->video_caps);
}

static void check_size(DubHeadRecording *self)
{
    if (self->take->n_bytes > self->wish.max_bytes)
        finish(self, g_error_new(DUB_ERROR, DUB_ERROR_BACKPRESSURE, "more than %" G_GSIZE_FORMAT " bytes are recorded",
                                 self->wish.max_bytes));
}

static void on_video(DubAccessUnit *unit, void *user_data)
{
    DubHeadRecording *self = user_data;
    dub_take_add_video(self->take, unit);
    check_size(self);
}

static void on_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    DubHeadRecording *self = user_data;
    dub_take_add_sound(self->take, pcm, pts_ns);
    check_size(self);
}

static void on_eos(void *user_data)
{
    finish(user_data, NULL);
}

/* A recording that has only begun may hold no sound yet, and its newest part may be half written. */
static void on_error(const GError *error, void *user_data)
{
    DubHeadRecording *self = user_data;
    finish(self, g_error_new(DUB_ERROR, DUB_ERROR_NOT_FOUND, "%s", error->message));
}

static const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_eos, on_error };

static char *make_url(const DubHeadRecording *self, const char *call, const char *more)
{
    g_autofree char *path = g_uri_escape_string(self->path, NULL, false);
    const gsize length = strlen(self->base);
    const bool has_slash = length > 0 && self->base[length - 1] == '/';
    return g_strdup_printf("%.*s/%s?path=%s%s", (int) (length - has_slash), self->base, call, path, more);
}

static void get(DubHeadRecording *self, const char *start)
{
    GError *error = NULL;
    g_autofree char *escaped = g_uri_escape_string(start, NULL, false);
    const int64_t most_ns = self->wish.longest_ns + BEGIN_IN_NS;
    g_autofree char *more =
        g_strdup_printf("&start=%s&duration=%d&format=fmp4", escaped, (int) (most_ns / DUB_NS_PER_S));
    g_autofree char *url = make_url(self, "get", more);
    self->take = dub_take_new();
    g_main_context_push_thread_default(self->context);
    const DubSourceChoice choice = { .audio_track = self->wish.audio_track };
    self->source = dub_source_new(url, &choice, &callbacks, self, &error);
    g_main_context_pop_thread_default(self->context);
    if (self->source)
        dub_source_start(self->source);
    else
        finish(self, error);
}

/* --- since when -------------------------------------------------------------------------------------------------- */

/* Ours and the server's clock may differ by anything: what is known is how long ago it was. */
static char *time_within(const char *start, double passed_s, GError **error)
{
    g_autoptr(GDateTime) began = g_date_time_new_from_iso8601(start, NULL);
    g_autoptr(GDateTime) wanted = began ? g_date_time_add_seconds(began, passed_s) : NULL;
    if (wanted)
        return g_date_time_format(wanted, "%FT%T.%f%:z");
    g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "its list of recordings has \"%.40s\" for a time", start);
    return NULL;
}

/* The newest recording of the path is the running one: each time it is published starts another. */
char *dub_head_list_newest(const char *text, gsize length, const DubHeadWish *wish, GError **error)
{
    const char *start = NULL;
    double duration_s = 0;
    g_autoptr(DubJson) list = dub_json_parse(text, length, error);
    if (!list)
        return NULL;
    const DubJson *entry = json_array_get(list, json_array_size(list) - 1);
    if (!entry) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "nothing is recorded");
        return NULL;
    }
    if (!dub_json_get_string(entry, "start", DUB_JSON_REQUIRED, &start, error) ||
        !dub_json_get_double(entry, "duration", DUB_JSON_REQUIRED, &duration_s, error))
        return NULL;
    const double ago_s = (double) wish->ago_ns / DUB_NS_PER_S;
    const double begin_in_s = (double) BEGIN_IN_NS / DUB_NS_PER_S;
    const bool is_all = wish->ago_ns <= 0 || ago_s + begin_in_s >= duration_s;
    const double wanted_s = is_all ? duration_s : ago_s;
    if (!(wanted_s < (double) wish->longest_ns / DUB_NS_PER_S)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_BACKPRESSURE,
                    is_all ? "it has been running for %.0f s" : "%.0f s passed", wanted_s);
        return NULL;
    }
    return is_all ? g_strdup(start) : time_within(start, duration_s - ago_s - begin_in_s, error);
}

static void read_list(DubHeadRecording *self, gsize length)
{
    GError *error = NULL;
    g_autofree char *start = NULL;
    if (length > LIST_MAX_BYTES)
        error = g_error_new(DUB_ERROR, DUB_ERROR_PROTOCOL, "its list of recordings is too long");
    else
        start = dub_head_list_newest(self->list, length, &self->wish, &error);
    if (start)
        get(self, start);
    else
        finish(self, error);
}

static void on_list_read(GObject *stream, GAsyncResult *result, void *data)
{
    g_autoptr(DubHeadRecording) self = data;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    g_input_stream_read_all_finish(G_INPUT_STREAM(stream), result, &length, &error);
    if (self->is_freed)
        return;
    if (error)
        finish(self, g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, error->message));
    else
        read_list(self, length);
}

static GError *status_error(guint status)
{
    if (status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN)
        return g_error_new(DUB_ERROR, DUB_ERROR_AUTH, "the playback server wants a user and password");
    /* MediaMTX answers 400 or 500 while the first part of the first recording of a path is not on disk yet. */
    return g_error_new(DUB_ERROR, DUB_ERROR_NOT_FOUND, "nothing is recorded (HTTP %u)", status);
}

static void on_list_sent(GObject *session, GAsyncResult *result, void *data)
{
    g_autoptr(DubHeadRecording) self = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GInputStream) stream = soup_session_send_finish(SOUP_SESSION(session), result, &error);
    if (self->is_freed)
        return;
    if (!stream) {
        g_autofree char *name = dub_url_printable(self->base);
        finish(self, g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "no playback server at %s: %s", name, error->message));
        return;
    }
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
    if (soup_message_get_status(message) != SOUP_STATUS_OK) {
        finish(self, status_error(soup_message_get_status(message)));
        return;
    }
    self->list = g_malloc(LIST_MAX_BYTES + 1);
    self->refs++;
    g_input_stream_read_all_async(stream, self->list, LIST_MAX_BYTES + 1, G_PRIORITY_DEFAULT, self->cancellable,
                                  on_list_read, self);
}

DubHeadRecording *dub_head_recording_new(const char *playback_url, const char *path, const DubHeadWish *wish,
                                         DubHeadRecordingFunc done, void *user_data)
{
    DubHeadRecording *self = g_new0(DubHeadRecording, 1);
    self->refs = 1;
    self->base = g_strdup(playback_url);
    self->path = g_strdup(path);
    self->wish = *wish;
    self->done = done;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->cancellable = g_cancellable_new();
    self->session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    g_autofree char *url = make_url(self, "list", "");
    g_autoptr(SoupMessage) message = soup_message_new(SOUP_METHOD_GET, url);
    self->refs += message != NULL;
    if (message) {
        soup_session_send_async(self->session, message, G_PRIORITY_DEFAULT, self->cancellable, on_list_sent, self);
        return self;
    }
    g_autofree char *name = dub_url_printable(playback_url);
    finish(self, g_error_new(DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is no URL", name));
    return self;
}

void dub_head_recording_free(DubHeadRecording *self)
{
    if (!self)
        return;
    self->is_freed = true;
    g_cancellable_cancel(self->cancellable);
    if (self->finish)
        g_source_destroy(self->finish);
    g_clear_pointer(&self->finish, g_source_unref);
    dub_source_free(self->source);
    dub_take_free(self->take);
    g_clear_error(&self->error);
    g_object_unref(self->session);
    g_object_unref(self->cancellable);
    unref(self);
}
