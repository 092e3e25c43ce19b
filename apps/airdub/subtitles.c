/* airdub/subtitles.c: breaks text into lines and cues, and writes them as WebVTT and SubRip. */
#include "airdub/subtitles.h"

#include "base/clock.h"

#include <string.h>

const char *subtitles_suffix(SubtitlesFormat format)
{
    switch (format) {
    case SUBTITLES_VTT: return "vtt";
    case SUBTITLES_SRT: return "srt";
    case SUBTITLES_N_FORMATS: break;
    }
    return "invalid";
}

void subtitles_cue_free(SubtitlesCue *self)
{
    if (!self)
        return;
    g_free(self->text);
    g_free(self);
}

static long chars(const char *text)
{
    return g_utf8_strlen(text, -1);
}

/* Appends @word, in pieces of a line each where it is longer than one. */
static void add_word(GPtrArray *words, const char *word)
{
    const char *at = word;
    while (chars(at) > SUBTITLES_LINE_CHARS) {
        const char *cut = g_utf8_offset_to_pointer(at, SUBTITLES_LINE_CHARS);
        g_ptr_array_add(words, g_strndup(at, (gsize) (cut - at)));
        at = cut;
    }
    if (*at)
        g_ptr_array_add(words, g_strdup(at));
}

static GPtrArray *split_words(const char *text)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (char *p = valid; *p; p++) {
        if ((guchar) *p < 0x20)
            *p = ' ';
    }
    g_auto(GStrv) pieces = g_strsplit(valid, " ", -1);
    for (char **piece = pieces; *piece; piece++)
        add_word(words, *piece);
    return words;
}

/* Joins words[from…to) with spaces. */
static char *join(const GPtrArray *words, guint from, guint to)
{
    GString *out = g_string_new(NULL);
    for (guint i = from; i < to; i++) {
        if (i > from)
            g_string_append_c(out, ' ');
        g_string_append(out, words->pdata[i]);
    }
    return g_string_free(out, FALSE);
}

static long length_of(const GPtrArray *words, guint from, guint to)
{
    g_autofree char *text = join(words, from, to);
    return chars(text);
}

/* Where words[from…to) is best broken into two lines that both fit: the place that leaves them most alike.
 * Returns: the second line's first word; @to if it fits in one line; @from if it cannot be done. */
static guint find_break(const GPtrArray *words, guint from, guint to)
{
    if (length_of(words, from, to) <= SUBTITLES_LINE_CHARS)
        return to;
    guint best = from;
    long best_longer = SUBTITLES_LINE_CHARS + 1;
    for (guint i = from + 1; i < to; i++) {
        const long longer = MAX(length_of(words, from, i), length_of(words, i, to));
        if (longer < best_longer) {
            best_longer = longer;
            best = i;
        }
    }
    return best;
}

/* The longest run of words from @from that fits into a cue and, if @target > 0, ends once it has that many characters.
 */
static guint find_cue_end(const GPtrArray *words, guint from, long target)
{
    guint end = from + 1;
    while (end < words->len && find_break(words, from, end + 1) > from) {
        if (target > 0 && length_of(words, from, end) >= target)
            break;
        end++;
    }
    return end;
}

static unsigned count_cues(const GPtrArray *words)
{
    unsigned n = 0;
    for (guint at = 0; at < words->len; at = find_cue_end(words, at, 0))
        n++;
    return n;
}

static char *layout(const GPtrArray *words, guint from, guint to)
{
    const guint second = find_break(words, from, to);
    if (second == to)
        return join(words, from, to);
    g_autofree char *upper = join(words, from, second);
    g_autofree char *lower = join(words, second, to);
    return g_strdup_printf("%s\n%s", upper, lower);
}

GPtrArray *subtitles_cues_new(const char *text, int64_t start_ns, int64_t end_ns)
{
    GPtrArray *cues = g_ptr_array_new_with_free_func((GDestroyNotify) subtitles_cue_free);
    g_autoptr(GPtrArray) words = split_words(text);
    if (words->len == 0)
        return cues;
    const long total = length_of(words, 0, words->len);
    const unsigned n = count_cues(words);
    const long target = n > 1 ? (total + n - 1) / n : 0; /* no last cue of a single word */
    const int64_t span_ns = MAX(end_ns - start_ns, SUBTITLES_SHORTEST_NS);
    long said = 0;
    for (guint from = 0; from < words->len;) {
        const guint to = find_cue_end(words, from, target);
        SubtitlesCue *cue = g_new0(SubtitlesCue, 1);
        cue->start_ns = start_ns + span_ns * said / total;
        said = to == words->len ? total : said + length_of(words, from, to) + 1;
        cue->end_ns = start_ns + span_ns * said / total;
        cue->text = layout(words, from, to);
        g_ptr_array_add(cues, cue);
        from = to;
    }
    return cues;
}

const char *subtitles_header(SubtitlesFormat format)
{
    return format == SUBTITLES_VTT ? "WEBVTT\n\n" : "";
}

static void append_time(GString *out, int64_t time_ns, char decimal)
{
    const int64_t ms = (MAX(time_ns, 0) + DUB_NS_PER_MS / 2) / DUB_NS_PER_MS;
    g_string_append_printf(out, "%02d:%02d:%02d%c%03d", (int) (ms / 3600000), (int) (ms / 60000 % 60),
                           (int) (ms / 1000 % 60), decimal, (int) (ms % 1000));
}

/* WebVTT reads &, < and > as markup; SubRip has no escapes, but a line with an arrow would be taken for a time. */
static char *escape(SubtitlesFormat format, const char *text)
{
    GString *out = g_string_new(text);
    if (format == SUBTITLES_VTT) {
        g_string_replace(out, "&", "&amp;", 0);
        g_string_replace(out, "<", "&lt;", 0);
        g_string_replace(out, ">", "&gt;", 0);
    } else {
        g_string_replace(out, "-->", "→", 0);
    }
    return g_string_free(out, FALSE);
}

void subtitles_append_cue(GString *out, SubtitlesFormat format, unsigned number, const SubtitlesCue *cue)
{
    const char decimal = format == SUBTITLES_VTT ? '.' : ',';
    g_autofree char *text = escape(format, cue->text);
    g_string_append_printf(out, "%u\n", number);
    append_time(out, cue->start_ns, decimal);
    g_string_append(out, " --> ");
    append_time(out, cue->end_ns, decimal);
    g_string_append_printf(out, "\n%s\n\n", text);
}
