/* bench/codecs.c: microseconds of CPU for the JSON and the base64 of one fragment of 100 kB, by the libraries that are
 * at hand. build/tests/bench/codecs Each figure is the best of ROUNDS: what a busy machine adds is not the library's.
 */
#include "socketio/json.h"
#include "wire/audio.h"

#include <libavutil/base64.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define AUDIO_BYTES 100000
#define ROUNDS      15
#define TURNS       200

typedef struct {
    guint8 *audio;
    char *base64, *text; /* the audio; a fragment:data with it */
    gsize text_bytes;
    json_t *event;   /* the text, parsed */
    json_t *payload; /* its second argument */
    guint8 *decoded;
    char *encoded;
} Data;

static void parse_jansson(Data *d)
{
    json_decref(json_loadb(d->text, d->text_bytes, 0, NULL));
}

static void parse_ours(Data *d)
{
    json_decref(sio_json_parse(d->text, d->text_bytes, NULL));
}

static void print_jansson(Data *d)
{
    free(json_dumps(d->event, JSON_COMPACT));
}

static void print_ours(Data *d)
{
    GString *text = g_string_sized_new(512);
    sio_json_append(text, d->event);
    g_string_free(text, TRUE);
}

static void check_ours(Data *d)
{
    dub_wire_audio_free(dub_wire_audio_parse(d->payload, "audio", NULL));
}

static void decode_glib(Data *d)
{
    gsize size;
    g_free(g_base64_decode(d->base64, &size));
}

static void decode_libavutil(Data *d)
{
    av_base64_decode(d->decoded, d->base64, AUDIO_BYTES);
}

static void encode_glib(Data *d)
{
    g_free(g_base64_encode(d->audio, AUDIO_BYTES));
}

static void encode_libavutil(Data *d)
{
    av_base64_encode(d->encoded, AV_BASE64_SIZE(AUDIO_BYTES), d->audio, AUDIO_BYTES);
}

static const struct {
    const char *name;
    void (*run)(Data *d);
} cases[] = {
    { "JSON, parse: jansson", parse_jansson },
    { "JSON, parse: src/socketio/json.c into jansson's values", parse_ours },
    { "JSON, print: jansson", print_jansson },
    { "JSON, print: src/socketio/json.c", print_ours },
    { "base64, check and take over: src/wire/audio.c", check_ours },
    { "base64, decode: GLib", decode_glib },
    { "base64, decode: libavutil", decode_libavutil },
    { "base64, encode: GLib", encode_glib },
    { "base64, encode: libavutil", encode_libavutil },
};

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static double best_us(void (*run)(Data *d), Data *d)
{
    double best = G_MAXDOUBLE;
    for (int round = 0; round < ROUNDS; round++) {
        const double begin = cpu_us();
        for (int turn = 0; turn < TURNS; turn++)
            run(d);
        best = MIN(best, (cpu_us() - begin) / TURNS);
    }
    return best;
}

static void fill(Data *d)
{
    d->audio = g_malloc(AUDIO_BYTES);
    for (gsize i = 0; i < AUDIO_BYTES; i++)
        d->audio[i] = (guint8) g_random_int();
    d->base64 = g_base64_encode(d->audio, AUDIO_BYTES);
    d->text = g_strdup_printf(
        "[\"fragment:data\",{\"fragment_id\":\"1\",\"stream_id\":\"s\",\"sequence_number\":0,\"timestamp\":0,"
        "\"audio\":{\"format\":\"m4a\",\"sample_rate_hz\":48000,\"channels\":2,\"duration_ms\":6000,"
        "\"data_base64\":\"%s\"}}]",
        d->base64);
    d->text_bytes = strlen(d->text);
    d->event = json_loadb(d->text, d->text_bytes, 0, NULL);
    d->payload = json_array_get(d->event, 1);
    d->decoded = g_malloc(AUDIO_BYTES);
    d->encoded = g_malloc(AV_BASE64_SIZE(AUDIO_BYTES));
}

int main(void)
{
    Data data;
    fill(&data);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        printf("%-56s %8.1f\n", cases[i].name, best_us(cases[i].run, &data));
    json_decref(data.event);
    g_free(data.audio);
    g_free(data.base64);
    g_free(data.text);
    g_free(data.decoded);
    g_free(data.encoded);
    return 0;
}
