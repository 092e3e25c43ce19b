/* Transcripts cut into phrases. */
#include "base/clock.h"
#include "say.h"
#include "speech/phrases.h"

#include <string.h>

#define MS(x) ((x) * DUB_NS_PER_MS)

typedef struct {
    const char *name;
    const char *words;     /* "start:end:word …" in ms */
    const char *sentences; /* "start:end:sentence|…" */
} Case;

static const Case cases[] = {
    {"nothing", "", ""},
    {"one", "100:300:hello", "100:300:Hello."},
    {"pause-too-short", "0:500:good 899:1200:evening", "0:1200:Good evening."},
    {"pause", "0:500:good 900:1200:evening", "0:500:Good.|900:1200:Evening."},
    {"first-person", "0:100:I 100:200:think 200:300:I'm 300:400:in", "0:400:I think I'm in."},
    {"stop-is-there", "0:100:yes!", "0:100:Yes!"},
    {"accent", "0:100:école", "0:100:École."},
    {"three", "0:1:a 500:501:b 502:503:c 1000:1001:d", "0:1:A.|500:503:B c.|1000:1001:D."},
};

static DubEngineReply *read_words(const char *text)
{
    DubEngineReply *heard = dub_engine_reply_new();
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (char **word = words; *word && **word; word++) {
        g_auto(GStrv) parts = g_strsplit(*word, ":", 3);
        dub_engine_reply_add_word(heard, parts[2], MS(g_ascii_strtoll(parts[0], NULL, 10)),
                                  MS(g_ascii_strtoll(parts[1], NULL, 10)), -1);
    }
    return heard;
}

static char *write_phrases(GArray *phrases)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < phrases->len; i++) {
        const DubPhrase *phrase = &g_array_index(phrases, DubPhrase, i);
        g_string_append_printf(text, "%s%d:%d:%s", i ? "|" : "", (int) (phrase->start_ns / MS(1)),
                               (int) (phrase->end_ns / MS(1)), phrase->sentence);
    }
    return g_string_free(text, FALSE);
}

static void test_cut(const void *data)
{
    const Case *c = data;
    g_autoptr(DubEngineReply) heard = read_words(c->words);
    g_autoptr(DubPcm) pcm = say_silence(6);
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_autofree char *text = write_phrases(phrases);
    g_assert_cmpstr(text, ==, c->sentences);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/speech/phrases/cut/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_cut);
    }
    return g_test_run();
}
