/* What --to, --voice, --title and OUT mean together. */
#include "airdub/dub-targets.h"

#include "base/error.h"

typedef struct {
    const char *name, *languages, *voices, *title, *out;
    bool is_one_file;
    const char *expected; /* "language voice title out", one a line; NULL: refused ... */
    const char *says;     /* ... with this in the message */
} Case;

static const Case cases[] = {
    { "one", "es", NULL, NULL, "a.b/talk.mp4", false, "es - Dubbed: Spanish a.b/talk.mp4\n", NULL },
    { "one-with-a-place", "es", "ana=x", "In {lang}", "{lang}.mp4", false, "es ana=x In es es.mp4\n", NULL },
    { "several", "es, fr", "fr=luc", NULL, "a.b/talk.mp4", false,
      "es - Dubbed: Spanish a.b/talk.es.mp4\nfr luc Dubbed: French a.b/talk.fr.mp4\n", NULL },
    { "hidden", "es,fr", NULL, "T", "a.b/.talk", false, "es - T a.b/.talk.es\nfr - T a.b/.talk.fr\n", NULL },
    { "places", "es,fr", "es=a=b,fr=c", "T {lang}", "rtmp://h/{lang}/{lang}", false,
      "es a=b T es rtmp://h/es/es\nfr c T fr rtmp://h/fr/fr\n", NULL },
    { "one-file", "es,fr", NULL, "T", "talk.mkv", true, "es - T talk.mkv\nfr - T talk.mkv\n", NULL },
    { "twice", "es,fr,es", NULL, NULL, "x.mp4", false, NULL, "--to: es is there twice" },
    { "whose-voice", "es,fr", "ana", NULL, "x.mp4", false, NULL, "write --voice es=VOICE" },
    { "voice-of-another", "es,fr", "it=ana", NULL, "x.mp4", false, NULL, "'it=ana'" },
    { "place-in-one-file", "es,fr", NULL, NULL, "{lang}.mp4", true, NULL, "leave {lang} out" },
    { "one-address", "es,fr", NULL, NULL, "srt://h:1", false, NULL, "write {lang}" },
    { "too-many", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg", NULL, NULL, "x.mp4",
      false, NULL, "33 languages; at most 32" },
};

static char *describe(const GPtrArray *targets)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < targets->len; i++) {
        const DubTarget *t = g_ptr_array_index(targets, i);
        g_string_append_printf(text, "%s %s %s %s\n", t->language, t->voice ? t->voice : "-", t->title, t->out);
    }
    return g_string_free(text, FALSE);
}

static void test_targets(const void *data)
{
    const Case *c = data;
    const DubTargetsWish wish = { c->languages, c->voices, c->title, c->out, c->is_one_file };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) targets = dub_targets_new(&wish, &error);
    if (c->expected) {
        g_assert_no_error(error);
        g_autofree char *text = describe(targets);
        g_assert_cmpstr(text, ==, c->expected);
        return;
    }
    g_assert_null(targets);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(g_strstr_len(error->message, -1, c->says));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/airdub/targets/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_targets);
    }
    return g_test_run();
}
