/* Unit tests of mediamtx/hook and mediamtx/path. */
#include "base/error.h"
#include "mediamtx/hook.h"

#include <string.h>

typedef struct {
    const char *name, *text;
    const char *stream_id; /* NULL: refused */
    DubMediamtxDirection direction;
    const char *reason; /* the start of the message */
} Case;

#define TEN(x)     x x x x x x x x x x
#define HUNDRED(x) TEN(TEN(x))
static const Case cases[] = {
    { "whole", "{\"path\":\"live/abc/in\",\"query\":\"lang=es\",\"sourceType\":\"rtmpConn\",\"sourceId\":\"1\"}", "abc",
      DUB_MEDIAMTX_INPUT, NULL },
    { "output", "{\"path\":\"live/abc/out\"}", "abc", DUB_MEDIAMTX_OUTPUT, NULL },
    { "nulls", "{\"path\":\"live/a/in\",\"query\":null,\"sourceType\":null,\"sourceId\":null}", "a", DUB_MEDIAMTX_INPUT,
      NULL },
    { "more-members", "{\"path\":\"live/a/in\",\"hook\":\"ready\"}", "a", DUB_MEDIAMTX_INPUT, NULL },
    { "id-characters", "{\"path\":\"live/A_b-c.d~e:9/in\"}", "A_b-c.d~e:9", DUB_MEDIAMTX_INPUT, NULL },
    { "empty", "", NULL, 0, "JSON: " },
    { "not-json", "path=live/abc/in", NULL, 0, "JSON: " },
    { "array", "[]", NULL, 0, "body: not an object" },
    { "no-path", "{}", NULL, 0, "path: missing" },
    { "null-path", "{\"path\":null}", NULL, 0, "path: missing" },
    { "number-path", "{\"path\":7}", NULL, 0, "path: not a string" },
    { "number-query", "{\"path\":\"live/a/in\",\"query\":7}", NULL, 0, "query: not a string" },
    { "object-source-type", "{\"path\":\"live/a/in\",\"sourceType\":{}}", NULL, 0, "sourceType: not a string" },
    { "bool-source-id", "{\"path\":\"live/a/in\",\"sourceId\":true}", NULL, 0, "sourceId: not a string" },
    { "other-path", "{\"path\":\"cam1\"}", NULL, 0, "path: 'cam1' is not live/<id>/in" },
    { "no-id", "{\"path\":\"live//in\"}", NULL, 0, "path: 'live//in' is not" },
    { "nested-id", "{\"path\":\"live/a/b/in\"}", NULL, 0, "path: " },
    { "parent-id", "{\"path\":\"live/../in\"}", NULL, 0, "path: " },
    { "space-id", "{\"path\":\"live/a b/in\"}", NULL, 0, "path: " },
    { "newline-id", "{\"path\":\"live/a\\nb/in\"}", NULL, 0, "path: 'live/a" },
    { "other-direction", "{\"path\":\"live/a/up\"}", NULL, 0, "path: " },
    { "long-id", "{\"path\":\"live/" TEN("1234567") "/in\"}", NULL, 0, "path: " },
    { "long-path", "{\"path\":\"live/" TEN(TEN("123")) "/in\"}", NULL, 0, "path: longer than 255 bytes" },
    { "long-query", "{\"path\":\"live/a/in\",\"query\":\"" HUNDRED(TEN("12345")) "\"}", NULL, 0,
      "query: longer than 4096 bytes" },
    { "long-source-id", "{\"path\":\"live/a/in\",\"sourceId\":\"" HUNDRED("12") "\"}", NULL, 0, "sourceId: longer" },
    { "long-body", "{\"path\":\"live/a/in\",\"x\":\"" TEN(HUNDRED("12345678901234567")) "\"}", NULL, 0,
      "body: longer than" },
};

static void test_parse(const void *data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMediamtxHook) hook = dub_mediamtx_hook_parse(c->text, strlen(c->text), &error);
    if (!c->stream_id) {
        g_assert_null(hook);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, c->reason));
        g_assert_null(strchr(error->message, '\n'));
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpstr(hook->stream_id, ==, c->stream_id);
    g_assert_cmpint(hook->direction, ==, c->direction);
}

typedef struct {
    const char *name, *query;
    const char *lang; /* what the parameter "lang" is; NULL: absent */
} QueryCase;

static const QueryCase query_cases[] = {
    { "one", "lang=es", "es" },
    { "among-others", "a=1&lang=es&b", "es" },
    { "question-mark", "?lang=es", "es" },
    { "percent", "lang=%65s%20x", "es x" },
    { "plus", "lang=e+s", "e s" },
    { "escaped-name", "l%61ng=es", "es" },
    { "equals-in-value", "lang=a=b", "a=b" },
    { "no-value", "lang", "" },
    { "first-counts", "lang=es&lang=de", "es" },
    { "empty", "", NULL },
    { "separators", "&&==&", NULL },
    { "bad-escape", "lang=%zz", NULL },
    { "nul", "lang=%00", NULL },
    { "not-text", "lang=%ff", NULL },
    { "quotes", "lang=\"'`$(x)", "\"'`$(x)" },
};

static void test_query(const void *data)
{
    const QueryCase *c = data;
    g_autofree char *text = dub_mediamtx_hook_build("live/a/in", c->query, "rtmpConn", "1");
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMediamtxHook) hook = dub_mediamtx_hook_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hook->query, ==, c->query);
    g_assert_cmpstr(dub_mediamtx_hook_parameter(hook, "lang"), ==, c->lang);
}

static void test_build_is_json_whatever_it_holds(void)
{
    const char *nasty = "\"},{\\ \n\t\x01 \xff \xe2\x82\xac";
    g_autofree char *text = dub_mediamtx_hook_build(nasty, nasty, nasty, nasty);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) root = dub_json_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_object_size(root), ==, 4);
    g_autofree char *empty = dub_mediamtx_hook_build("live/a/in", NULL, NULL, NULL);
    g_assert_cmpstr(empty, ==, "{\"path\":\"live/a/in\",\"query\":\"\",\"sourceType\":\"\",\"sourceId\":\"\"}");
}

typedef struct {
    const char *name, *json;
    const char *summary; /* "NAME READY MS TYPE/ID TRACKS READERS RECEIVED/SENT"; NULL: refused */
} ItemCase;

static const ItemCase item_cases[] = {
    { "mediamtx-1.9",
      "{\"name\":\"live/a/"
      "in\",\"confName\":\"all_others\",\"source\":{\"type\":\"rtmpConn\",\"id\":\"u1\"},\"ready\":true,"
      "\"readyTime\":\"2024-05-01T10:00:00.25Z\",\"tracks\":[\"H264\",\"MPEG-4 Audio\"],\"bytesReceived\":12,"
      "\"bytesSent\":3,\"readers\":[{\"type\":\"rtmpConn\",\"id\":\"r1\"}]}",
      "live/a/in 1 1714557600250 rtmpConn/u1 H264,MPEG-4 Audio r1 12/3" },
    { "mediamtx-new",
      "{\"name\":\"live/a/in\",\"available\":true,\"availableTime\":\"2024-05-01T12:00:00+02:00\",\"source\":null,"
      "\"tracks2\":[],\"inboundBytes\":5,\"outboundBytes\":6,\"readers\":[]}",
      "live/a/in 1 1714557600000 /   5/6" },
    { "mediamtx-1.20",
      "{\"name\":\"live/x/"
      "in\",\"confName\":\"all_others\",\"ready\":true,\"readyTime\":\"2026-11-21T03:04:59.549264346Z\","
      "\"available\":true,\"availableTime\":\"2026-11-21T03:04:59.549264346Z\",\"online\":true,"
      "\"onlineTime\":\"2026-11-21T03:04:59.549268211Z\",\"source\":{\"type\":\"rtmpConn\",\"id\":\"565eb8ad\"},"
      "\"tracks\":[\"H264\",\"MPEG-4 Audio\"],\"tracks2\":[{\"codec\":\"H264\",\"codecProps\":{\"width\":1280,"
      "\"height\":720,\"profile\":\"Baseline\",\"level\":\"3.1\"}}],\"readers\":[],\"inboundBytes\":1380258,"
      "\"outboundBytes\":0,\"inboundFramesInError\":0,\"bytesReceived\":1380258,\"bytesSent\":0}",
      "live/x/in 1 1795230299549 rtmpConn/565eb8ad H264,MPEG-4 Audio  1380258/0" },
    { "not-ready", "{\"name\":\"x\",\"ready\":false,\"readyTime\":null,\"source\":null,\"tracks\":[],\"readers\":[]}",
      "x 0 0 /   0/0" },
    { "name-alone", "{\"name\":\"x\"}", "x 0 0 /   0/0" },
    { "no-name", "{\"ready\":true}", NULL },
    { "name-number", "{\"name\":1}", NULL },
    { "tracks-object", "{\"name\":\"x\",\"tracks\":{}}", NULL },
    { "tracks-of-objects", "{\"name\":\"x\",\"tracks\":[{}]}", "x 0 0 /   0/0" },
    { "bytes-negative", "{\"name\":\"x\",\"bytesReceived\":-1}", NULL },
    { "array", "[]", NULL },
};

static char *summarize(const DubMediamtxPath *path)
{
    g_autofree char *tracks = g_strjoinv(",", path->tracks);
    g_autofree char *readers = g_strjoinv(",", path->reader_ids);
    return g_strdup_printf("%s %d %" G_GINT64_FORMAT " %s/%s %s %s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                           path->name, path->ready, path->ready_unix_ms, path->source_type, path->source_id, tracks,
                           readers, path->bytes_received, path->bytes_sent);
}

static void test_item(const void *data)
{
    const ItemCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = dub_json_parse(c->json, strlen(c->json), NULL);
    g_autoptr(DubMediamtxPath) path = dub_mediamtx_path_from_json(json, &error);
    if (!c->summary) {
        g_assert_null(path);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
        return;
    }
    g_assert_no_error(error);
    g_autofree char *summary = summarize(path);
    g_assert_cmpstr(summary, ==, c->summary);
    g_autoptr(DubJson) again = dub_mediamtx_path_to_json(path); /* refuse or round-trip */
    g_autoptr(DubMediamtxPath) second = dub_mediamtx_path_from_json(again, &error);
    g_assert_no_error(error);
    g_autofree char *second_summary = summarize(second);
    g_assert_cmpstr(second_summary, ==, summary);
}

#define ADD_ROWS(prefix, rows, func)                                                      \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                      \
        g_autofree char *path = g_strconcat("/mediamtx/" prefix "/", rows[i].name, NULL); \
        g_test_add_data_func(path, &rows[i], func);                                       \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_ROWS("hook/parse", cases, test_parse)
    ADD_ROWS("hook/query", query_cases, test_query)
    ADD_ROWS("path/json", item_cases, test_item)
    g_test_add_func("/mediamtx/hook/build", test_build_is_json_whatever_it_holds);
    return g_test_run();
}
