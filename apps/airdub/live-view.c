/* airdub/live-view.c: writes to stdout what is state, to stderr what goes wrong. */
#include "airdub/live-view.h"

#include "airdub/command.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

#define PLAIN_EVERY_NS (5 * DUB_NS_PER_S)
#define MAX_LINES      32 /* rewritten in place; more would scroll the terminal */
#define TEXT_BYTES     64 /* of a name that a publisher chose */

struct _LiveView {
    LiveViewStyle style;
    unsigned n_lines; /* of streams, now at the bottom of the terminal */
    int64_t last_plain_ns;
};

void live_addresses_clear(LiveAddresses *self)
{
    g_free(self->server);
    g_free(self->stream_key);
    g_free(self->publish_url);
    g_free(self->play_url);
    g_free(self->rtsp_url);
    *self = (LiveAddresses){ 0 };
}

LiveView *live_view_new(LiveViewStyle style)
{
    LiveView *self = g_new0(LiveView, 1);
    self->style = style;
    self->last_plain_ns = DUB_TIME_NONE;
    return self;
}

/* Takes the streams' lines off the terminal: what is printed next stands where they stood. */
static void erase(LiveView *self)
{
    if (self->n_lines > 0)
        printf("\033[%uA\033[J", self->n_lines);
    self->n_lines = 0;
}

static void print_ready_json(const LiveAddresses *a)
{
    command_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:i}", "event", "ready", "server",
                                 command_json_string(a->server), "stream_key", command_json_string(a->stream_key),
                                 "publish_url", command_json_string(a->publish_url), "play_url",
                                 command_json_string(a->play_url), "rtsp_url", command_json_string(a->rtsp_url),
                                 "rtmp_port", (int) a->rtmp_port, "http_port", (int) a->http_port, "sts_port",
                                 (int) a->sts_port, "api_port", (int) a->api_port));
}

void live_view_ready(LiveView *self, const LiveAddresses *a)
{
    if (self->style == LIVE_VIEW_JSON) {
        print_ready_json(a);
        return;
    }
    printf("Publish (OBS: Settings, Stream, Service: Custom…)\n"
           "  Server      %s\n"
           "  Stream Key  %s\n"
           "Play\n"
           "  %s\n",
           a->server, a->stream_key, a->play_url);
    if (a->rtsp_url)
        printf("  %s\n", a->rtsp_url);
    puts("Ctrl-C plays what is on its way, and ends.");
    fflush(stdout);
}

static int64_t whole(const DubJson *stream, const char *key)
{
    return json_integer_value(json_object_get(stream, key));
}

static double number(const DubJson *stream, const char *key)
{
    return json_number_value(json_object_get(stream, key));
}

static char *text(const DubJson *stream, const char *key)
{
    const char *value = json_string_value(json_object_get(stream, key));
    return dub_log_printable(value ? value : "?", TEXT_BYTES);
}

static char *describe(const DubJson *stream)
{
    g_autofree char *id = text(stream, "stream_id");
    g_autofree char *state = text(stream, "state");
    g_autofree char *breaker = text(stream, "breaker");
    const int64_t uptime_s = (int64_t) number(stream, "uptime_s");
    return g_strdup_printf("%-12s %-10s %d:%02d:%02d  %d dubbed, %d fallback  in flight %d  latency %.1f s, p95 %.1f"
                           "  delay %.1f s  breaker %s",
                           id, state, (int) (uptime_s / 3600), (int) (uptime_s / 60 % 60), (int) (uptime_s % 60),
                           (int) whole(stream, "dubbed"), (int) whole(stream, "fallback"),
                           (int) whole(stream, "inflight"), number(stream, "latency_p50_ms") / 1000,
                           number(stream, "latency_p95_ms") / 1000, number(stream, "delay_ms") / 1000, breaker);
}

static void print_terminal(LiveView *self, const DubJson *streams)
{
    erase(self);
    fputs("\033[?7l", stdout); /* no line wrap: a line stays one line */
    for (size_t i = 0; i < json_array_size(streams) && i < MAX_LINES; i++) {
        g_autofree char *line = describe(json_array_get(streams, i));
        printf("%s\n", line);
        self->n_lines++;
    }
    fputs("\033[?7h", stdout);
    fflush(stdout);
}

static void print_plain(LiveView *self, const DubJson *streams, int64_t now_ns)
{
    if (self->last_plain_ns != DUB_TIME_NONE && now_ns - self->last_plain_ns < PLAIN_EVERY_NS)
        return;
    self->last_plain_ns = now_ns;
    size_t i;
    DubJson *stream;
    json_array_foreach(streams, i, stream)
    {
        g_autofree char *line = describe(stream);
        puts(line);
    }
    fflush(stdout);
}

static void print_json(const DubJson *streams)
{
    size_t i;
    DubJson *stream;
    json_array_foreach(streams, i, stream)
    {
        DubJson *line = json_pack("{s:s}", "event", "stream");
        json_object_update(line, stream);
        command_print_json(line);
    }
}

void live_view_streams(LiveView *self, const DubJson *streams, int64_t now_ns)
{
    switch (self->style) {
    case LIVE_VIEW_TERMINAL: print_terminal(self, streams); break;
    case LIVE_VIEW_PLAIN: print_plain(self, streams, now_ns); break;
    case LIVE_VIEW_JSON: print_json(streams); break;
    case LIVE_VIEW_QUIET: break;
    }
}

void live_view_say(LiveView *self, const char *program, const char *line)
{
    erase(self); /* the next second brings the streams back below it */
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program, line);
}

void live_view_event(LiveView *self, const char *event, DubJson *detail)
{
    g_autoptr(DubJson) owned = detail;
    if (self->style != LIVE_VIEW_JSON)
        return;
    DubJson *line = json_pack("{s:s}", "event", event);
    if (owned)
        json_object_update(line, owned);
    command_print_json(line);
}

void live_view_free(LiveView *self)
{
    g_free(self);
}
