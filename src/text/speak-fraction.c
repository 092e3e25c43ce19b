/* text/speak-fraction.c: "3/4", "½", "2 1/2", and "5/12", which is so many of so many. */
#include "text/speak-private.h"

#include <string.h>

#define DENOMINATOR_MOST 10
#define FRACTION_SLASH   0x2044

typedef struct {
    int over, under;
    const char *end;
} Fraction;

/* "½" is "1⁄2" in Unicode's eyes. */
static bool read_sign(const char *p, Fraction *fraction)
{
    const gunichar c = g_utf8_get_char(p);
    gunichar parts[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
    if (c < 0xbc || g_unichar_type(c) != G_UNICODE_OTHER_NUMBER)
        return false;
    const gsize n = g_unichar_fully_decompose(c, TRUE, parts, G_N_ELEMENTS(parts));
    gsize i = 0;
    *fraction = (Fraction){ .end = g_utf8_next_char(p) };
    for (; i < n && g_unichar_isdigit(parts[i]) && fraction->over < 100; i++)
        fraction->over = fraction->over * 10 + g_unichar_digit_value(parts[i]);
    if (i == 0 || i >= n || parts[i++] != FRACTION_SLASH)
        return false;
    for (; i < n && g_unichar_isdigit(parts[i]) && fraction->under < 100; i++)
        fraction->under = fraction->under * 10 + g_unichar_digit_value(parts[i]);
    return fraction->under > 0;
}

static bool read_fraction(const char *p, Fraction *fraction)
{
    if (read_sign(p, fraction))
        return true;
    const char *slash = dub_speak_read_digits(p, 1, 3, &fraction->over);
    const gsize length = !slash ? 0 : *slash == '/' ? 1 : g_str_has_prefix(slash, "⁄") ? strlen("⁄") : 0;
    if (!length)
        return false;
    fraction->end = dub_speak_read_digits(slash + length, 1, 3, &fraction->under);
    return fraction->end && *fraction->end != '/' && !g_unichar_isalnum(g_utf8_get_char(fraction->end));
}

static bool is_proper(const Fraction *fraction)
{
    return fraction->over >= 1 && fraction->over < fraction->under && fraction->under <= DENOMINATOR_MOST;
}

static bool counts_feminine(const DubSpeaker *self, const char *after)
{
    g_autofree char *noun = dub_speak_word_after(after);
    return dub_speak_is_feminine(self->language, noun);
}

static bool noun_follows(const DubSpeaker *self, const char *after)
{
    g_autofree char *noun = dub_speak_word_after(after);
    return *noun && !dub_speak_words_have(self->language->not_nouns, noun);
}

static void say_denominator(DubSpeaker *self, const Fraction *fraction)
{
    const DubSpeakLanguage *language = self->language;
    g_autoptr(GString) name = g_string_new(language->denominators[fraction->under - 3]);
    const bool unchanged = fraction->over == 1 || g_str_has_suffix(name->str, "s") || !*language->denominator_plural;
    if (!unchanged && g_str_equal(language->denominator_plural, "i"))
        g_string_truncate(name, name->len - 1);
    if (!unchanged)
        g_string_append(name, language->denominator_plural);
    dub_speak_say(self, name->str);
}

static void say_fraction(DubSpeaker *self, const Fraction *fraction)
{
    if (fraction->under == 2) {
        const bool noun = noun_follows(self, fraction->end);
        if (!noun)
            dub_speak_say_number(self, 1, DUB_SPELL_MASCULINE);
        dub_speak_say(self, self->language->halves[noun && counts_feminine(self, fraction->end)]);
        return;
    }
    dub_speak_say_number(self, fraction->over, fraction->over == 1 ? DUB_SPELL_MASCULINE : DUB_SPELL_PLAIN);
    say_denominator(self, fraction);
}

bool dub_speak_fraction(DubSpeaker *self)
{
    Fraction fraction;
    const gunichar before = dub_speak_char_before(self, self->at);
    if (g_unichar_isalnum(before) || before == '/' || !read_fraction(self->at, &fraction))
        return false;
    if (is_proper(&fraction)) {
        say_fraction(self, &fraction);
    } else {
        dub_speak_say_number(self, fraction.over, DUB_SPELL_PLAIN);
        dub_speak_say(self, fraction.over < fraction.under ? self->language->out_of : "");
        dub_speak_say_number(self, fraction.under, DUB_SPELL_PLAIN);
    }
    self->at = fraction.end;
    return true;
}

bool dub_speak_fraction_after(DubSpeaker *self, const char *p)
{
    Fraction fraction;
    DubSpeakNumber whole;
    if (!read_fraction(dub_speak_skip_space(p), &fraction) || !is_proper(&fraction))
        return false;
    if (!dub_speak_read(self, self->at, &whole) || whole.end != p)
        return false;
    const bool feminine = counts_feminine(self, fraction.end);
    dub_speak_say_number(self, whole.value, feminine && whole.value > 1 ? DUB_SPELL_FEMININE : DUB_SPELL_PLAIN);
    if (fraction.under == 2) {
        dub_speak_say(self, self->language->and_a_half[feminine]);
    } else {
        dub_speak_say(self, self->language->and);
        say_fraction(self, &fraction);
    }
    self->at = fraction.end;
    return true;
}
