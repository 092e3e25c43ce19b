/* Unit tests of text/sentences. */
#include "text/sentences.h"

#include <string.h>

typedef struct {
    const char *name, *language, *text;
    const char *split; /* by '|'; "~" after one that is not complete */
} Case;

static const Case cases[] = {
    { "two", "en", "He scores. They win.", "He scores.|They win." },
    { "marks", "en", "What a goal! Is it? Yes.", "What a goal!|Is it?|Yes." },
    { "title", "en", "Dr. Smith is here. He is good.", "Dr. Smith is here.|He is good." },
    { "two-titles", "en", "Mr. and Mrs. Jones met St. Louis vs. L.A. in the final.",
      "Mr. and Mrs. Jones met St. Louis vs. L.A. in the final." },
    { "initials", "en", "J. J. Watt sacks him. What a play!", "J. J. Watt sacks him.|What a play!" },
    { "initials-together", "en", "J.J. Watt and D.C. United.", "J.J. Watt and D.C. United." },
    { "initial-at-the-end", "en", "It is plan B. The answer is C. Then go.",
      "It is plan B.|The answer is C.|Then go." },
    { "i", "en", "It was I. Nobody else.", "It was I.|Nobody else." },
    { "decimal", "en", "It is 2.5 yards. Third and 1.", "It is 2.5 yards.|Third and 1." },
    { "numbered", "en", "No. 10 scores. He said no. He left.", "No. 10 scores.|He said no.|He left." },
    { "ellipsis-small", "en", "He scores... and they win.", "He scores... and they win." },
    { "ellipsis-capital", "en", "He scores... And they win.", "He scores...~|And they win." },
    { "ellipsis-sign", "en", "Wait… He scores.", "Wait…~|He scores." },
    { "no-capitals", "en", "he scores. she runs. then they win", "he scores.|she runs.|then they win~" },
    { "small-title", "en", "dr. smith vs. jones is here. he runs.", "dr. smith vs. jones is here.|he runs." },
    { "small-word-like-a-title", "en", "Do one more rep. Then rest.", "Do one more rep.|Then rest." },
    { "quotes", "en", "\"Stop!\" he said. \"Go.\" They went.", "\"Stop!\" he said.|\"Go.\"|They went." },
    { "clock", "en", "It begins at 5 p.m. tomorrow. They won at 5 p.m. Then we left.",
      "It begins at 5 p.m. tomorrow.|They won at 5 p.m.|Then we left." },
    { "country", "en", "The U.S. team wins.", "The U.S. team wins." },
    { "etc", "en", "Goals, saves, etc. in one game.", "Goals, saves, etc. in one game." },
    { "cut", "en", "He passes to Smith. And now", "He passes to Smith.|And now~" },
    { "cut-at-a-title", "en", "Here is Mr.", "Here is Mr.~" },
    { "address", "en", "See airdub.org for more.", "See airdub.org for more." },
    { "lines", "en", "One\nTwo\n", "One~|Two~" },
    { "blank", "en", " \n\t ", "" },
    { "empty", "en", "", "" },
    { "only-marks", "en", "?!", "?!" },
    { "blanks-around", "en", "  One.   Two.  ", "One.|Two." },
    { "spanish", "es", "La Sra. Pérez ganó. El Dr. García no. ¿Qué? ¡Gol! sí.",
      "La Sra. Pérez ganó.|El Dr. García no.|¿Qué?|¡Gol!|sí." },
    { "spanish-states", "es", "EE. UU. gana 2.5 a 1. Ud. lo vio.", "EE. UU. gana 2.5 a 1.|Ud. lo vio." },
    { "spanish-verb-da", "es", "Se la da. Él marca.", "Se la da.|Él marca." },
    { "german", "de", "Das ist z. B. gut. Am 3. Mai spielt Dr. Müller. Ja.",
      "Das ist z. B. gut.|Am 3. Mai spielt Dr. Müller.|Ja." },
    { "french", "fr", "M. Dupont est là. Il gagne !", "M. Dupont est là.|Il gagne !" },
    { "japanese", "ja", "得点です。勝ちました。", "得点です。|勝ちました。" },
    { "no-such-language", "xx", "One. Two.", "One.|Two." },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(GArray) sentences = dub_sentences_find(c->text, c->language);
    g_autoptr(GString) split = g_string_new(NULL);
    for (guint i = 0; i < sentences->len; i++) {
        const DubSentence *sentence = &g_array_index(sentences, DubSentence, i);
        g_string_append_printf(split, "%s%.*s%s", i ? "|" : "", (int) sentence->length, c->text + sentence->start,
                               sentence->complete ? "" : "~");
    }
    g_assert_cmpstr(split->str, ==, c->split);
}

static void test_strings(void)
{
    g_auto(GStrv) sentences = dub_sentences_split(" One.  Two! ", "en");
    g_assert_cmpuint(g_strv_length(sentences), ==, 2);
    g_assert_cmpstr(sentences[0], ==, "One.");
    g_autofree char *joined = dub_sentences_join((const char *const *) sentences);
    g_assert_cmpstr(joined, ==, "One. Two!");
    static const char *const with_empty[] = { "One.", " ", "", " Two ", NULL };
    g_autofree char *text = dub_sentences_join(with_empty);
    g_assert_cmpstr(text, ==, "One. Two");
}

static char *without_blanks(const char *text)
{
    GString *result = g_string_new(NULL);
    for (const char *c = text; *c; c = g_utf8_next_char(c))
        if (!g_unichar_isspace(g_utf8_get_char(c)))
            g_string_append_unichar(result, g_utf8_get_char(c));
    return g_string_free(result, FALSE);
}

/* No character but blanks is lost, whatever the text. */
static void test_nothing_is_lost(void)
{
    static const char *const pieces[] = { "He", "scores", ".", "...", "!", "?",  "Dr.", "J.", " ", "  ",
                                          "\n", "\"",     "(", "…",   "é", "。", "2.5", "no", "," };
    static const char *const languages[] = { "en", "es", "de", "xx" };
    for (guint round = 0; round < 500; round++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (gint32 n = g_test_rand_int_range(0, 20); n > 0; n--)
            g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        g_auto(GStrv) sentences = dub_sentences_split(text->str, languages[round % G_N_ELEMENTS(languages)]);
        g_autofree char *joined = dub_sentences_join((const char *const *) sentences);
        g_autofree char *before = without_blanks(text->str);
        g_autofree char *after = without_blanks(joined);
        g_assert_cmpstr(after, ==, before);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/sentences/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/text/sentences/strings", test_strings);
    g_test_add_func("/text/sentences/nothing-is-lost", test_nothing_is_lost);
    return g_test_run();
}
