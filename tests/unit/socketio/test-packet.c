/* SPDX-License-Identifier: MIT
 * Packets of Socket.IO: the specification's examples, and what must be refused. */
#include "socketio/link.h"

#include <string.h>

typedef struct {
    const char *name, *text;
    int type; /* -1: refused */
    const char *nsp;
    int64_t id;
    guint n_attachments;
    const char *data; /* NULL: none */
} Case;

static const Case cases[] = {
    { "connect", "0", SIO_PACKET_CONNECT, "/", -1, 0, NULL },
    { "connect-auth", "0{\"token\":\"123\"}", SIO_PACKET_CONNECT, "/", -1, 0, "{\"token\":\"123\"}" },
    { "connect-namespace", "0/admin,", SIO_PACKET_CONNECT, "/admin", -1, 0, NULL },
    { "connect-namespace-without-comma", "0/admin", SIO_PACKET_CONNECT, "/admin", -1, 0, NULL },
    { "connect-namespace-auth", "0/admin,{\"sid\":\"a\"}", SIO_PACKET_CONNECT, "/admin", -1, 0, "{\"sid\":\"a\"}" },
    { "connect-error", "4{\"message\":\"Not authorized\"}", SIO_PACKET_CONNECT_ERROR, "/", -1, 0,
      "{\"message\":\"Not authorized\"}" },
    { "disconnect", "1", SIO_PACKET_DISCONNECT, "/", -1, 0, NULL },
    { "disconnect-namespace", "1/admin,", SIO_PACKET_DISCONNECT, "/admin", -1, 0, NULL },
    { "event", "2[\"foo\"]", SIO_PACKET_EVENT, "/", -1, 0, "[\"foo\"]" },
    { "event-in-sts", "2/sts,[\"fragment:ack\",{}]", SIO_PACKET_EVENT, "/sts", -1, 0, "[\"fragment:ack\",{}]" },
    { "event-id", "212[\"foo\"]", SIO_PACKET_EVENT, "/", 12, 0, "[\"foo\"]" },
    { "event-id-0", "20[\"foo\"]", SIO_PACKET_EVENT, "/", 0, 0, "[\"foo\"]" },
    { "event-largest-id", "29007199254740991[\"foo\"]", SIO_PACKET_EVENT, "/", SIO_MAX_ACK_ID, 0, "[\"foo\"]" },
    { "ack", "3/admin,13[\"bar\"]", SIO_PACKET_ACK, "/admin", 13, 0, "[\"bar\"]" },
    { "ack-empty", "31[]", SIO_PACKET_ACK, "/", 1, 0, "[]" },
    { "binary-event", "51-[\"baz\",{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_BINARY_EVENT, "/", -1, 1,
      "[\"baz\",{\"_placeholder\":true,\"num\":0}]" },
    { "binary-event-two", "52-/admin,[\"baz\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]",
      SIO_PACKET_BINARY_EVENT, "/admin", -1, 2,
      "[\"baz\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]" },
    { "binary-nested", "51-[\"baz\",{\"a\":[[{\"_placeholder\":true,\"num\":0}]]}]", SIO_PACKET_BINARY_EVENT, "/", -1,
      1, "[\"baz\",{\"a\":[[{\"_placeholder\":true,\"num\":0}]]}]" },
    { "binary-ack", "61-15[\"bar\",{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_BINARY_ACK, "/", 15, 1,
      "[\"bar\",{\"_placeholder\":true,\"num\":0}]" },
    { "binary-none", "50-[\"baz\"]", SIO_PACKET_BINARY_EVENT, "/", -1, 0, "[\"baz\"]" },
    { "empty", "", -1, NULL, 0, 0, NULL },
    { "unknown-type", "9", -1, NULL, 0, 0, NULL },
    { "type-letter", "abc", -1, NULL, 0, 0, NULL },
    { "connect-array", "0[]", -1, NULL, 0, 0, NULL },
    { "connect-text", "0\"a\"", -1, NULL, 0, 0, NULL },
    { "connect-id", "012", -1, NULL, 0, 0, NULL },
    { "connect-error-nothing", "4", -1, NULL, 0, 0, NULL },
    { "disconnect-payload", "1{}", -1, NULL, 0, 0, NULL },
    { "event-nothing", "2", -1, NULL, 0, 0, NULL },
    { "event-object", "2{}", -1, NULL, 0, 0, NULL },
    { "event-empty-array", "2[]", -1, NULL, 0, 0, NULL },
    { "event-number-name", "2[1]", -1, NULL, 0, 0, NULL },
    { "event-bad-id", "2abc[\"a\"]", -1, NULL, 0, 0, NULL },
    { "event-id-too-large", "29007199254740992[\"a\"]", -1, NULL, 0, 0, NULL },
    { "event-id-very-long", "299999999999999999999999999999999999[\"a\"]", -1, NULL, 0, 0, NULL },
    { "event-negative-id", "2-1[\"a\"]", -1, NULL, 0, 0, NULL },
    { "event-cut-off", "2[\"a\"", -1, NULL, 0, 0, NULL },
    { "event-text-after", "2[\"a\"]x", -1, NULL, 0, 0, NULL },
    { "ack-without-id", "3[]", -1, NULL, 0, 0, NULL },
    { "ack-object", "31{}", -1, NULL, 0, 0, NULL },
    { "binary-without-number", "5[\"a\"]", -1, NULL, 0, 0, NULL },
    { "binary-without-dash", "51[\"a\"]", -1, NULL, 0, 0, NULL },
    { "binary-too-many", "51025-[\"a\"]", -1, NULL, 0, 0, NULL },
    { "binary-huge", "599999999999999999999-[\"a\"]", -1, NULL, 0, 0, NULL },
    { "placeholder-beyond", "51-[\"a\",{\"_placeholder\":true,\"num\":1}]", -1, NULL, 0, 0, NULL },
    { "placeholder-negative", "51-[\"a\",{\"_placeholder\":true,\"num\":-1}]", -1, NULL, 0, 0, NULL },
    { "placeholder-text", "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]", -1, NULL, 0, 0, NULL },
};

static void test_decode(const void *data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(SioPacket) packet = sio_packet_decode(c->text, strlen(c->text), &error);
    if (c->type < 0) {
        g_assert_null(packet);
        g_assert_true(error && error->domain == SIO_ERROR);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpint(packet->type, ==, c->type);
    g_assert_cmpstr(packet->nsp, ==, c->nsp);
    g_assert_cmpint(packet->id, ==, c->id);
    g_assert_cmpuint(packet->n_attachments, ==, c->n_attachments);
    g_assert_true(sio_packet_is_complete(packet) == (c->n_attachments == 0));
    char *text = packet->data ? json_dumps(packet->data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    g_assert_cmpstr(text, ==, c->data);
    free(text);
}

static void test_round_trip(const void *data)
{
    const Case *c = data;
    g_autoptr(SioPacket) packet = sio_packet_decode(c->text, strlen(c->text), NULL);
    g_autoptr(GBytes) text = sio_packet_encode(packet);
    g_autoptr(SioPacket) again = sio_packet_decode(g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);
    g_assert_nonnull(again);
    g_assert_cmpint(again->type, ==, packet->type);
    g_assert_cmpstr(again->nsp, ==, packet->nsp);
    g_assert_cmpint(again->id, ==, packet->id);
    g_assert_true(!packet->data == !again->data && (!packet->data || json_equal(packet->data, again->data)));
}

static void test_namespace_too_long(void)
{
    g_autofree char *name = g_strnfill(SIO_MAX_NAMESPACE_BYTES, 'n');
    g_autofree char *text = g_strdup_printf("0/%s,", name);
    g_autoptr(GError) error = NULL;
    g_assert_null(sio_packet_decode(text, strlen(text), &error));
    g_assert_error(error, SIO_ERROR, SIO_ERROR_BAD_PACKET);
}

static void assert_text(GBytes *bytes, const char *expected)
{
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), expected, strlen(expected));
}

static void test_encode_events(void)
{
    json_t *args = json_pack("[i,s,{s:[b]}]", 1, "2", "3", 1);
    g_autoptr(GBytes) event = sio_encode_event("/", -1, "a\"b", args, 0);
    g_autoptr(GBytes) binary = sio_encode_event("/sts", 7, "x", NULL, 2);
    g_autoptr(GBytes) ack = sio_encode_ack("/", 456, args, 0);
    g_autoptr(GBytes) binary_ack = sio_encode_ack("/sts", 0, args, 1);
    assert_text(event, "2[\"a\\\"b\",1,\"2\",{\"3\":[true]}]");
    assert_text(binary, "52-/sts,7[\"x\"]");
    assert_text(ack, "3456[1,\"2\",{\"3\":[true]}]");
    assert_text(binary_ack, "61-/sts,0[1,\"2\",{\"3\":[true]}]");
    json_decref(args);
}

typedef struct {
    const char *name;
    const char *messages[4]; /* a leading 'B' marks binary */
    int error;               /* -1: none */
    guint n_packets;
} FeedCase;

static const FeedCase feed_cases[] = {
    { "text", { "2[\"a\"]", "2[\"b\"]" }, -1, 2 },
    { "attachments", { "52-[\"a\"]", "B12", "B34" }, -1, 1 },
    { "then-text", { "51-[\"a\"]", "B12", "2[\"b\"]" }, -1, 2 },
    { "binary-unannounced", { "B12" }, SIO_ERROR_BAD_PACKET, 0 },
    { "one-too-many", { "51-[\"a\"]", "B1", "B2" }, SIO_ERROR_BAD_PACKET, 1 },
    { "text-in-between", { "52-[\"a\"]", "B1", "2[\"b\"]" }, SIO_ERROR_BAD_PACKET, 0 },
    { "never-sent", { "52-[\"a\"]", "B1" }, -1, 0 },
    { "too-large-together", { "52-[\"a\"]", "B123456", "B789012" }, EIO_ERROR_TOO_LARGE, 0 },
};

static void test_feed(const void *data)
{
    const FeedCase *c = data;
    SioReader reader = { 0 };
    g_autoptr(GError) error = NULL;
    guint n = 0;
    for (guint i = 0; i < G_N_ELEMENTS(c->messages) && c->messages[i] && !error; i++) {
        const bool binary = c->messages[i][0] == 'B';
        const char *text = c->messages[i] + (binary ? 1 : 0);
        g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
        SioPacket *packet = NULL;
        const bool ok = sio_reader_feed(&reader, binary ? EIO_BINARY : EIO_TEXT, bytes, 10, &packet, &error);
        g_assert_true(ok == !error);
        n += packet ? 1 : 0;
        sio_packet_free(packet);
    }
    g_assert_cmpint(error ? error->code : -1, ==, c->error);
    g_assert_cmpuint(n, ==, c->n_packets);
    sio_reader_clear(&reader);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *decode = g_strconcat("/socketio/packet/decode/", cases[i].name, NULL);
        g_autofree char *round_trip = g_strconcat("/socketio/packet/round-trip/", cases[i].name, NULL);
        g_test_add_data_func(decode, &cases[i], test_decode);
        if (cases[i].type >= 0)
            g_test_add_data_func(round_trip, &cases[i], test_round_trip);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(feed_cases); i++) {
        g_autofree char *path = g_strconcat("/socketio/packet/feed/", feed_cases[i].name, NULL);
        g_test_add_data_func(path, &feed_cases[i], test_feed);
    }
    g_test_add_func("/socketio/packet/namespace-too-long", test_namespace_too_long);
    g_test_add_func("/socketio/packet/encode-events", test_encode_events);
    return g_test_run();
}
