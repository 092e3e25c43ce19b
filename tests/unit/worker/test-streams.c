/* Hooks, lists and restarts in every order: the same streams run in the end. */
#include "worker/streams.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

/* A script, one event a word:
 *   +a1  hook: stream a is published by source 1      -a   hook: it is not any more
 *   L    list with what follows up to the next word: La1,b2   (L alone: an empty list); a1! its output is published,
 *        a1? it has no sound
 *   d a  its worker has lost its source
 *   e a  its worker ended well   x a  it failed       t3   three seconds pass
 *   r    from now on a draining stream can be resumed  n  it cannot
 * The log of effects, in order: S start (O: taken over from another), R resume (C: the same publisher's), T stop, V in
 * reserve, W no longer, N no sound. */
typedef struct {
    const char *name, *script, *log;
} Case;

static const Case cases[] = {
    { "hook-starts-once", "+a1 +a1 La1", "Sa1" },
    { "list-alone-starts", "La1 La1", "Sa1" },
    { "published-before-we-started", "La1,b2", "Sa1 Sb2" },
    { "lost-not-ready-hook", "+a1 L t1 L t3 L", "Sa1 Ta" },
    { "worker-ends-by-itself", "+a1 -a ea t9 L", "Sa1" },
    { "late-list-does-not-start-it-again", "+a1 -a La1 ea", "Sa1" },
    { "failed-is-tried-again-after-two-seconds", "+a1 xa La1 t1 La1 t1 La1", "Sa1 Sa1" },
    { "and-then-after-four", "+a1 xa t2 La1 xa t3 La1 t1 La1", "Sa1 Sa1 Sa1" },
    { "a-new-publisher-need-not-wait", "+a1 xa La2", "Sa1 Sa2" },
    { "publisher-comes-back-while-draining", "r +a1 -a t1 +a2 La2", "Sa1 Ra" },
    { "comes-back-too-late", "n +a1 -a t1 +a2 La2 ea t2 La2", "Sa1 Ra Ra Sa2" },
    { "cut-off-while-it-is-published-goes-on", "r +a1 La1 da La1 La1", "Sa1 Ca" },
    { "cut-off-and-not-published", "r +a1 La1 da L t4 L", "Sa1 Ta" },
    { "cut-off-too-late", "n +a1 da La1 La1 ea t2 La1", "Sa1 Ca Ca Sa1" },
    { "another-has-it", "La1! La1! La1", "Va Wa Oa1" },
    { "another-has-it-and-it-ends", "La1! L La1", "Va Wa Sa1" },
    { "our-own-output-is-no-other's", "La1 La1! La1!", "Sa1" },
    { "our-own-output-is-still-closing", "n +a1 -a La2 ea La2! t3 La2", "Sa1 Ra Sa2" },
    { "no-sound-is-told-once-a-publisher", "La1? La1? La2? La3", "Na Na Sa3" },
    { "full-waits-for-its-turn", "+a1 +b2 +c3 ea -a t2 Lb2,c3", "Sa1 Sb2 Sc3" },
};

typedef struct {
    GString *log;
    bool can_resume;
} Effects;

static void say(Effects *effects, char what, const char *stream_id, const char *source_id)
{
    g_string_append_printf(effects->log, "%s%c%s%s", effects->log->len ? " " : "", what, stream_id, source_id);
}

static void on_start(const DubStreamEntry *entry, void *data)
{
    say(data, entry->is_taken_over ? 'O' : 'S', entry->stream_id, entry->source_id);
}

static bool on_resume(const char *stream_id, bool is_same, void *data)
{
    say(data, is_same ? 'C' : 'R', stream_id, "");
    return ((Effects *) data)->can_resume;
}

static void on_stop(const char *stream_id, void *data)
{
    say(data, 'T', stream_id, "");
}

static void on_reserve(const char *stream_id, bool is_in_reserve, void *data)
{
    say(data, is_in_reserve ? 'V' : 'W', stream_id, "");
}

static void on_refuse(const char *stream_id, const GError *refusal, void *data)
{
    g_assert_error(refusal, DUB_ERROR, DUB_ERROR_NO_AUDIO);
    say(data, 'N', stream_id, "");
}

static void list(DubStreams *streams, const char *text, int64_t now)
{
    g_autoptr(GError) no_sound = g_error_new_literal(DUB_ERROR, DUB_ERROR_NO_AUDIO, "no sound");
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    const guint n = *text ? g_strv_length(words) : 0;
    char ids[8][2] = { { 0 } };
    DubStreamEntry entries[8];
    for (guint i = 0; i < n; i++) {
        ids[i][0] = words[i][0];
        const bool is_taken = g_str_has_suffix(words[i], "!"), is_silent = g_str_has_suffix(words[i], "?");
        words[i][2] = '\0';
        entries[i] =
            (DubStreamEntry){ ids[i], words[i] + 1, "", is_taken ? "other" : NULL, is_silent ? no_sound : NULL };
    }
    dub_streams_listed(streams, entries, n, now);
}

static void perform(DubStreams *streams, Effects *effects, const char *word, int64_t *now)
{
    const char id[] = { word[0] ? word[1] : '\0', '\0' };
    const DubStreamEntry entry = { id, word[0] && word[1] ? word + 2 : "", "", NULL, NULL };
    switch (word[0]) {
    case '+': dub_streams_ready(streams, &entry, *now); break;
    case '-': dub_streams_not_ready(streams, id, *now); break;
    case 'L': list(streams, word + 1, *now); break;
    case 'd': dub_streams_source_ended(streams, id); break;
    case 'e': dub_streams_ended(streams, id, false, *now); break;
    case 'x': dub_streams_ended(streams, id, true, *now); break;
    case 't': *now += (word[1] - '0') * DUB_NS_PER_S; break;
    case 'r': effects->can_resume = true; break;
    case 'n': effects->can_resume = false; break;
    default: g_assert_not_reached();
    }
}

static void test_script(const void *data)
{
    const Case *c = data;
    Effects effects = { g_string_new(NULL), false };
    const DubStreamsEffects table = { on_start, on_resume, on_stop, on_reserve, on_refuse };
    g_autoptr(DubStreams) streams = dub_streams_new(2, &table, &effects);
    int64_t now = 1000 * DUB_NS_PER_S;
    g_auto(GStrv) words = g_strsplit(c->script, " ", -1);
    for (char **word = words; *word; word++)
        perform(streams, &effects, *word, &now);
    g_assert_cmpstr(effects.log->str, ==, c->log);
    g_string_free(effects.log, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dub_log_setup("test-streams", DUB_LOG_ERROR, DUB_LOG_TEXT);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/worker/streams/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_script);
    }
    return g_test_run();
}
