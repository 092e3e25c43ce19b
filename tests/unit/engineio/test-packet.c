/* SPDX-License-Identifier: MIT
 * Packets, payloads and the handshake of Engine.IO: the tables follow the sections of the specification. */
#include "engineio/packet.h"

#include <string.h>

typedef struct {
    const char *name, *text;
    EioFormat format;
    int type; /* -1: refused */
    const char *data;
} PacketCase;

static const PacketCase packet_cases[] = {
    { "open", "0{\"sid\":\"a\"}", EIO_TEXT, EIO_PACKET_OPEN, "{\"sid\":\"a\"}" },
    { "close", "1", EIO_TEXT, EIO_PACKET_CLOSE, "" },
    { "ping", "2", EIO_TEXT, EIO_PACKET_PING, "" },
    { "ping-probe", "2probe", EIO_TEXT, EIO_PACKET_PING, "probe" },
    { "pong", "3", EIO_TEXT, EIO_PACKET_PONG, "" },
    { "message", "4hello", EIO_TEXT, EIO_PACKET_MESSAGE, "hello" },
    { "message-utf8", "4\xe2\x82\xac", EIO_TEXT, EIO_PACKET_MESSAGE, "\xe2\x82\xac" },
    { "message-empty", "4", EIO_TEXT, EIO_PACKET_MESSAGE, "" },
    { "upgrade", "5", EIO_TEXT, EIO_PACKET_UPGRADE, "" },
    { "noop", "6", EIO_TEXT, EIO_PACKET_NOOP, "" },
    { "binary-is-a-message", "4hello", EIO_BINARY, EIO_PACKET_MESSAGE, "4hello" },
    { "empty", "", EIO_TEXT, -1, NULL },
    { "type-7", "7", EIO_TEXT, -1, NULL },
    { "type-letter", "abc", EIO_TEXT, -1, NULL },
    { "base64-outside-a-payload", "bAQID", EIO_TEXT, -1, NULL },
};

static void assert_data(const EioPacket *packet, const char *expected)
{
    gsize size;
    const char *bytes = g_bytes_get_data(packet->data, &size);
    g_assert_cmpmem(bytes, size, expected, strlen(expected));
}

static void test_packet(const void *data)
{
    const PacketCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) frame = g_bytes_new_static(c->text, strlen(c->text));
    g_autoptr(EioPacket) packet = eio_packet_decode(frame, c->format, &error);
    if (c->type < 0) {
        g_assert_error(error, EIO_ERROR, EIO_ERROR_BAD_PACKET);
        g_assert_null(packet);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpint(packet->type, ==, c->type);
    g_assert_cmpint(packet->format, ==, c->format);
    assert_data(packet, c->data);
}

typedef struct {
    const char *name, *body;
    int n; /* 0: refused */
    const char *data[3];
} PayloadCase;

static const PayloadCase payload_cases[] = {
    { "one", "4hello", 1, { "hello" } },
    { "three",
      "4a\x1e"
      "2\x1e"
      "4c",
      3,
      { "a", "", "c" } },
    { "binary",
      "4hello\x1e"
      "bYWJj",
      2,
      { "hello", "abc" } },
    { "binary-padded", "bYWI=", 1, { "ab" } },
    { "binary-padded-twice", "bYQ==", 1, { "a" } },
    { "binary-empty", "b", 1, { "" } },
    { "empty", "", 0, { NULL } },
    { "empty-record", "4a\x1e", 0, { NULL } },
    { "bad-type",
      "4a\x1e"
      "x",
      0,
      { NULL } },
    { "base64-bad-length", "bYWJ", 0, { NULL } },
    { "base64-bad-character", "bYW-j", 0, { NULL } },
    { "base64-padding-inside", "bY=Jj", 0, { NULL } },
    { "not-utf8", "4\xff", 0, { NULL } },
    { "surrogate", "4\xed\xa0\x80", 0, { NULL } },
};

static void test_payload(const void *data)
{
    const PayloadCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = g_bytes_new_static(c->body, strlen(c->body));
    g_autoptr(GPtrArray) packets = eio_payload_decode(body, &error);
    if (c->n == 0) {
        g_assert_error(error, EIO_ERROR, EIO_ERROR_BAD_PACKET);
        g_assert_null(packets);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpint(packets->len, ==, c->n);
    g_autoptr(GByteArray) again = g_byte_array_new();
    gsize size = 0;
    for (int i = 0; i < c->n; i++) {
        assert_data(g_ptr_array_index(packets, i), c->data[i]);
        eio_payload_append(again, g_ptr_array_index(packets, i));
        size += eio_payload_size(g_ptr_array_index(packets, i));
    }
    g_assert_cmpmem(again->data, again->len, c->body, strlen(c->body));
    g_assert_cmpuint(size, ==, again->len + 1); /* the first has no separator */
}

static void test_too_many_packets(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) body = g_string_new("6");
    for (int i = 1; i < EIO_PAYLOAD_MAX_PACKETS; i++)
        g_string_append(body, "\x1e"
                              "6");
    g_autoptr(GBytes) most = g_bytes_new(body->str, body->len);
    g_autoptr(GPtrArray) packets = eio_payload_decode(most, &error);
    g_assert_no_error(error);
    g_assert_cmpint(packets->len, ==, EIO_PAYLOAD_MAX_PACKETS);
    g_string_append(body, "\x1e"
                          "6");
    g_autoptr(GBytes) over = g_bytes_new(body->str, body->len);
    g_assert_null(eio_payload_decode(over, &error));
    g_assert_error(error, EIO_ERROR, EIO_ERROR_BAD_PACKET);
}

typedef struct {
    const char *name, *text, *problem; /* NULL: fine */
} HandshakeCase;

static const HandshakeCase handshake_cases[] = {
    { "whole",
      "{\"sid\":\"abc\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":"
      "1000000}",
      NULL },
    { "without-max-payload", "{\"sid\":\"abc\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000}", NULL },
    { "no-sid", "{\"pingInterval\":25000,\"pingTimeout\":20000}", "sid" },
    { "empty-sid", "{\"sid\":\"\",\"pingInterval\":25000,\"pingTimeout\":20000}", "sid" },
    { "interval-text", "{\"sid\":\"a\",\"pingInterval\":\"1\",\"pingTimeout\":20000}", "pingInterval" },
    { "timeout-negative", "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":-1}", "pingTimeout" },
    { "timeout-huge", "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1e300}", "pingTimeout" },
    { "array", "[]", "object" },
    { "nothing", "", "object" },
};

static void test_handshake(const void *data)
{
    const HandshakeCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) text = g_bytes_new_static(c->text, strlen(c->text));
    g_autoptr(EioHandshake) handshake = eio_handshake_parse(text, &error);
    if (c->problem) {
        g_assert_error(error, EIO_ERROR, EIO_ERROR_HANDSHAKE);
        g_assert_nonnull(strstr(error->message, c->problem));
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpstr(handshake->sid, ==, "abc");
    g_assert_cmpuint(handshake->ping_interval_ms, ==, 25000);
    g_assert_cmpuint(handshake->ping_timeout_ms, ==, 20000);
    g_autofree char *written = eio_handshake_to_text(handshake);
    if (handshake->max_payload_bytes)
        g_assert_cmpstr(written, ==, c->text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(packet_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/packet/", packet_cases[i].name, NULL);
        g_test_add_data_func(path, &packet_cases[i], test_packet);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(payload_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/payload/", payload_cases[i].name, NULL);
        g_test_add_data_func(path, &payload_cases[i], test_payload);
    }
    g_test_add_func("/engineio/payload/too-many-packets", test_too_many_packets);
    for (gsize i = 0; i < G_N_ELEMENTS(handshake_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/handshake/", handshake_cases[i].name, NULL);
        g_test_add_data_func(path, &handshake_cases[i], test_handshake);
    }
    return g_test_run();
}
