/* speech/phrases.c: from words or segments with times to sentences with times. */
#include "speech/phrases.h"

#include "base/clock.h"
#include "engines/asr/activity.h"

#include <string.h>

#define ACTIVITY_FRAME_NS (DUB_NS_PER_S / DUB_ACTIVITY_FRAMES_PER_S)

static void clear_phrase(gpointer data)
{
    g_free(((DubPhrase *) data)->sentence);
}

static bool ends_sentence(const char *text)
{
    const char *last = text + strlen(text);
    while (last > text && strchr("\"')", last[-1]))
        last--;
    return (last > text && strchr(".!?", last[-1])) || g_str_has_suffix(text, "…");
}

/* "And then," and what follows is another phrase: the stop takes the comma's place. */
static void drop_commas(char *text)
{
    static const char *const marks[] = { ",", ";", ":", "-", "–", "—" };
    for (gsize i = 0; i < G_N_ELEMENTS(marks); i++)
        if (g_str_has_suffix(text, marks[i])) {
            text[strlen(text) - strlen(marks[i])] = '\0';
            drop_commas(g_strchomp(text));
            return;
        }
}

static void append_phrase(GArray *phrases, const char *words, int64_t start_ns, int64_t end_ns)
{
    g_autofree char *text = g_strstrip(g_strdup(words));
    drop_commas(text);
    if (!*text)
        return;
    const char *rest = g_utf8_next_char(text);
    g_autofree char *initial = g_utf8_strup(text, rest - text);
    const DubPhrase phrase = { .sentence = g_strconcat(initial, rest, ends_sentence(text) ? "" : ".", NULL),
                               .start_ns = start_ns,
                               .end_ns = end_ns };
    g_array_append_val(phrases, phrase);
}

/* Spans that belong together, joined until one is added that does not. */
typedef struct {
    GString *text;
    int64_t start_ns, end_ns;
} Run;

static void end_run(GArray *phrases, Run *run)
{
    append_phrase(phrases, run->text->str, run->start_ns, run->end_ns);
    g_string_truncate(run->text, 0);
}

static void add_span(Run *run, const DubEngineSpan *span)
{
    if (run->text->len)
        g_string_append_c(run->text, ' ');
    else
        run->start_ns = span->start_ns;
    g_autofree char *text = g_strstrip(g_strdup(span->text));
    g_string_append(run->text, text);
    run->end_ns = span->end_ns;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static bool is_after_pause(const Run *run, const DubEngineSpan *span)
{
    return span->start_ns - run->end_ns >= DUB_PHRASE_PAUSE_MS * DUB_NS_PER_MS;
}

/* @at_sentences: a new sentence begins a phrase, too */
static void append_spans(GArray *phrases, const GArray *spans, bool at_sentences)
{
    Run run = { .text = g_string_new(NULL) };
    for (guint i = 0; i < spans->len; i++) {
        const DubEngineSpan *span = &g_array_index(spans, DubEngineSpan, i);
        if (is_blank(span->text)) /* it would move the phrase */
            continue;
        if (run.text->len && (is_after_pause(&run, span) || (at_sentences && ends_sentence(run.text->str))))
            end_run(phrases, &run);
        add_span(&run, span);
    }
    end_run(phrases, &run);
    g_string_free(run.text, TRUE);
}

/* Where a voice is within a span, in whole frames of 10 ms; all of it where none was found. */
static void draw_in(int64_t *start_ns, int64_t *end_ns, const bool *voice, gsize n_frames)
{
    gsize first = (gsize) (MAX(*start_ns, 0) / ACTIVITY_FRAME_NS);
    gsize end = MIN((gsize) (MAX(*end_ns, 0) / ACTIVITY_FRAME_NS), n_frames);
    while (first < end && !voice[first])
        first++;
    while (end > first && !voice[end - 1])
        end--;
    if (first >= end)
        return;
    *start_ns = MAX(*start_ns, (int64_t) first * ACTIVITY_FRAME_NS);
    *end_ns = MIN(*end_ns, (int64_t) end * ACTIVITY_FRAME_NS);
}

static void append_segments(GArray *phrases, const DubEngineReply *heard, const DubPcm *pcm)
{
    gsize n_frames = 0;
    g_autofree bool *voice = dub_activity_find(pcm, &n_frames);
    g_autoptr(DubEngineReply) placed = dub_engine_reply_new();
    for (guint i = 0; i < heard->segments->len; i++) {
        const DubEngineSpan *span = &g_array_index(heard->segments, DubEngineSpan, i);
        int64_t start_ns = span->start_ns, end_ns = span->end_ns;
        if (voice)
            draw_in(&start_ns, &end_ns, voice, n_frames);
        dub_engine_reply_add_segment(placed, span->text, start_ns, end_ns, span->confidence);
    }
    append_spans(phrases, placed->segments, true);
}

static void append_whole(GArray *phrases, const DubEngineReply *heard, const DubPcm *pcm)
{
    g_autoptr(DubEngineReply) whole = dub_engine_reply_new();
    dub_engine_reply_add_segment(whole, heard->text, 0, dub_pcm_duration_ns(pcm), -1);
    append_segments(phrases, whole, pcm);
}

GArray *dub_phrases_find(const DubEngineReply *heard, const DubPcm *pcm)
{
    GArray *phrases = g_array_new(FALSE, FALSE, sizeof(DubPhrase));
    g_array_set_clear_func(phrases, clear_phrase);
    if (heard->words->len && !heard->segments->len)
        append_spans(phrases, heard->words, false);
    else if (heard->segments->len)
        append_segments(phrases, heard, pcm);
    else if (*heard->text)
        append_whole(phrases, heard, pcm);
    return phrases;
}
