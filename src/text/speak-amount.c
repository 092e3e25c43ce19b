/* text/speak-amount.c: a number with its sign, its range or score, and its unit, money, per cent or ordinal
 * mark. */
#include "text/speak-private.h"

#include <string.h>

#define MOST_CHAIN 8 /* numbers in "4-4-2" or "4x100x2" */

typedef struct {
    const char *sign; /* what is said for it */
    const DubSpeakMoney *money;
    const DubSpeakUnit *unit;
    const DubMagnitude *magnitude;
    bool percent;
    DubSpeakNumber first, last;
    bool range;
    const char *end;
} Amount;

static const char *const dashes[] = { "-", "–", "—", "−" };

/* Returns: the length of a dash at @p, or 0. */
static gsize dash_at(const char *p)
{
    for (gsize i = 0; i < G_N_ELEMENTS(dashes); i++)
        if (g_str_has_prefix(p, dashes[i]))
            return strlen(dashes[i]);
    return 0;
}

/* A sign stands before a number and after nothing that it could join to it. */
static const char *read_sign(const DubSpeaker *self, const char *p, const char **said)
{
    const gunichar before = dub_speak_char_before(self, p);
    const bool alone = !before || g_unichar_isspace(before) || before == '(';
    const gsize dash = alone ? dash_at(p) : 0;
    *said = dash                 ? self->language->minus
            : *p == '+' && alone ? self->language->plus
            : *p == '~'          ? self->language->about
                                 : NULL;
    return *said ? p + (dash ? dash : 1) : p;
}

static const DubMagnitude *find_magnitude(const DubSpeaker *self, const char *p)
{
    for (const DubMagnitude *m = self->language->magnitudes; m->written; m++) {
        const gsize length = strlen(m->written);
        if (g_str_has_prefix(p, m->written) && !g_unichar_isalnum(g_utf8_get_char(p + length)))
            return m;
    }
    return NULL;
}

static bool is_name_of_money(DubSpeaker *self, const DubSpeakMoney *money, const char *word)
{
    g_autofree char *one = dub_speak_money_name(self, money, 1), *several = dub_speak_money_name(self, money, 2);
    const gsize length = strlen(word);
    return length && ((one && strncmp(one, word, length) == 0) || (several && strncmp(several, word, length) == 0));
}

/* "$3.5 millones de dólares" names its money already. */
static bool money_is_said(DubSpeaker *self, const DubSpeakMoney *money, const char *after)
{
    g_autofree char *word = dub_speak_word_after(after);
    if (self->language->of && g_str_equal(word, self->language->of)) {
        g_autofree char *next = dub_speak_word_after(after + 1 + strlen(word));
        return is_name_of_money(self, money, next);
    }
    return is_name_of_money(self, money, word);
}

/* "10k" is ten thousand: one number, since some languages write it as one word. */
static void multiply(DubSpeakNumber *number, int factor)
{
    number->value = (gint64) (dub_speak_double(number) * factor + 0.5);
    number->decimals[0] = '\0';
    number->grouped = true;
    g_snprintf(number->whole, sizeof number->whole, "%" G_GINT64_FORMAT, number->value);
}

static void take_magnitude(Amount *a, const DubMagnitude *magnitude)
{
    a->magnitude = magnitude;
    const bool short_enough = strlen(a->first.whole) <= 9 && strlen(a->last.whole) <= 9;
    if (!magnitude || !magnitude->thousand || !short_enough)
        return;
    a->magnitude = NULL;
    multiply(&a->first, 1000);
    multiply(&a->last, 1000);
}

/* "3,5 millones €", "20 km/h", "15 %": what stands behind the number moves a->end. */
static void read_suffix(DubSpeaker *self, Amount *a)
{
    const char *p = dub_speak_skip_space(a->end);
    const DubMagnitude *magnitude = find_magnitude(self, p);
    const char *after = magnitude ? p + strlen(magnitude->written) : a->end;
    const DubSpeakMoney *money = a->money ? NULL : dub_speak_find_money(dub_speak_skip_space(after));
    if (magnitude && magnitude->money_only && !a->money && !money) {
        magnitude = NULL;
        after = a->end;
        money = dub_speak_find_money(p);
    }
    take_magnitude(a, magnitude);
    a->end = after;
    if (money) {
        a->money = money;
        a->end = dub_speak_skip_space(after) + strlen(money->written);
    }
    if (a->money && money_is_said(self, a->money, a->end))
        a->money = NULL;
    if (a->money || magnitude)
        return;
    p = dub_speak_skip_space(a->end);
    if (*p == '%') {
        a->percent = true;
        a->end = p + 1;
        return;
    }
    a->unit = dub_speak_find_unit(p);
    if (a->unit)
        a->end = p + strlen(a->unit->written);
}

/* Returns: the length of a mark for seconds or inches at @p; 0: none, or one that closes a quotation. */
static gsize double_mark(const DubSpeaker *self, const char *p)
{
    if (g_str_has_prefix(p, "″"))
        return strlen("″");
    if (g_str_has_prefix(p, "''"))
        return 2;
    gsize quotes = 0;
    for (const char *q = self->text; *p == '"' && q < p; q++)
        quotes += *q == '"';
    return *p == '"' && quotes % 2 == 0 ? 1 : 0;
}

/* Returns: the length of a mark for minutes at @p, or 0. */
static gsize minute_mark(const DubSpeaker *self, const char *number, const char *p)
{
    const gsize length = *p == '\''                 ? 1
                         : g_str_has_prefix(p, "’") ? strlen("’")
                         : g_str_has_prefix(p, "′") ? strlen("′")
                                                    : 0;
    const gunichar before = dub_speak_char_before(self, number);
    const bool quoted = before == '\'' || before == 0x2018;
    return quoted || g_unichar_isalnum(g_utf8_get_char(p + length)) ? 0 : length;
}

static const DubSpeakUnit minutes_of_play = { "'", "minute", false }, seconds_of_play = { "\"", "second", false },
                          inches_of_size = { "\"", "inch", false };

/* "45'" is a minute of play, "30\"" half of one; in English, inches. */
static void read_marks(const DubSpeaker *self, Amount *a)
{
    const gsize seconds = double_mark(self, a->end);
    const gsize minutes = seconds ? 0 : minute_mark(self, a->first.start, a->end);
    if (!seconds && !minutes)
        return;
    g_autofree char *word = dub_speak_word_before(self, a->first.start);
    const bool named = g_str_has_prefix(word, "minut");
    const bool english = g_str_equal(self->language->code, "en");
    a->unit = seconds ? (english ? &inches_of_size : &seconds_of_play) : named ? NULL : &minutes_of_play;
    a->end += seconds + minutes;
}

/* "km." in the middle of a sentence: the full stop is the unit's. */
static void drop_unit_stop(Amount *a)
{
    if (!a->unit || *a->end != '.' || !g_ascii_isalpha(a->end[-1]))
        return;
    const char *next = a->end + 1;
    if (*next == ',' || (*next == ' ' && g_unichar_islower(g_utf8_get_char(next + 1))))
        a->end = next;
}

/* Returns: where the second number of "3-2" or "10 – 15" or "3:2" begins, or NULL. */
static const char *second_number(const char *p)
{
    if (*p == ':' && g_ascii_isdigit(p[1]))
        return p + 1;
    const bool spaced = *p == ' ' && dash_at(p + 1);
    const char *dash = spaced ? p + 1 : p;
    const gsize length = dash_at(dash);
    const char *next = dash + length;
    if (!length || (spaced && *next != ' '))
        return NULL;
    next += spaced;
    return g_ascii_isdigit(*next) ? next : NULL;
}

static const char *times_at(const char *p)
{
    const char *sign = dub_speak_skip_space(p);
    const gsize length = *sign == 'x' || *sign == 'X' ? 1 : g_str_has_prefix(sign, "×") ? strlen("×") : 0;
    const char *next = length ? dub_speak_skip_space(sign + length) : sign;
    return length && g_ascii_isdigit(*next) ? next : NULL;
}

/* "4-4-2" and "4x100": more than two numbers, or a product. Each is said as a number of its own. */
static bool say_chain(DubSpeaker *self, const DubSpeakNumber *first)
{
    DubSpeakNumber numbers[MOST_CHAIN] = { *first };
    guint n = 1;
    const bool product = times_at(first->end) != NULL;
    for (const char *next; n < MOST_CHAIN; n++) {
        next = product ? times_at(numbers[n - 1].end) : second_number(numbers[n - 1].end);
        if (!next || !dub_speak_read(self, next, &numbers[n]))
            break;
    }
    if (n < (product ? 2 : 3))
        return false;
    for (guint i = 0; i + 1 < n; i++) {
        dub_speak_say_read(self, &numbers[i], DUB_SPELL_PLAIN);
        dub_speak_say(self, product ? self->language->times : "");
    }
    self->at = numbers[n - 1].start; /* the last may have a unit */
    return true;
}

/* "2024-25" is a season and no range. */
static bool is_season(const Amount *a)
{
    const bool digits = strlen(a->first.whole) == 4 && strlen(a->last.whole) == 2 && !a->first.grouped;
    return digits && a->last.value == (a->first.value + 1) % 100;
}

/* German has a word for a score and another for a range. */
static const char *range_word(const DubSpeaker *self, const Amount *a)
{
    if (is_season(a))
        return "";
    const bool counted = a->unit || a->money || a->percent || a->magnitude || strlen(a->first.whole) == 4;
    const bool noun = *a->end == ' ' && g_unichar_isupper(g_utf8_get_char(a->end + 1));
    const bool upwards = a->first.value < a->last.value;
    return upwards && (counted || noun) ? self->language->range : self->language->score;
}

static bool is_year(const DubSpeaker *self, const DubSpeakNumber *number, const char *after)
{
    if (!self->language->year_reading || number->grouped || *number->decimals || strlen(number->whole) != 4)
        return false;
    if (number->value < 1100 || number->value > 2099)
        return false;
    g_autofree char *before = dub_speak_word_before(self, number->start), *next = dub_speak_word_after(after);
    static const char year_words[] = "in since of by from until before after year im jahr seit ab bis von saison";
    if (dub_speak_words_have(year_words, before))
        return true;
    const bool german = g_str_equal(self->language->code, "de");
    const bool capital = *after == ' ' && g_unichar_isupper(g_utf8_get_char(after + 1));
    return german ? !capital
                  : !(g_str_has_suffix(next, "s") || dub_speak_words_have("people men women children", next)) ||
                        dub_speak_words_have("is was has", next);
}

static DubSpellForm form_of(const DubSpeaker *self, const Amount *a, const DubSpeakNumber *number, const char *noun)
{
    if (a->magnitude)
        return dub_speak_form(self, number, a->magnitude->said, a->end);
    if (!noun && !a->percent && is_year(self, number, a->end))
        return DUB_SPELL_YEAR;
    return a->percent ? DUB_SPELL_PLAIN : dub_speak_form(self, number, noun, a->end);
}

/* Returns: whether "of" stands between such a number and what it counts: "un millón de personas". */
static bool wants_of(const Amount *a)
{
    if (a->magnitude)
        return !a->magnitude->thousand;
    const gint64 value = a->last.value;
    return !*a->last.decimals && value >= 1000000 && value % 1000000 == 0;
}

/* "$3.50": the decimals are a number of smaller coins. */
static bool say_cents(DubSpeaker *self, const Amount *a)
{
    g_autofree char *name = dub_speak_money_name(self, a->money, (double) a->last.value);
    const bool dollars = g_str_equal(a->money->code, "USD"), euros = g_str_equal(a->money->code, "EUR");
    if (!name || a->magnitude || a->range || strlen(a->last.decimals) != 2)
        return false;
    const gint64 cents = g_ascii_strtoll(a->last.decimals, NULL, 10);
    const bool whole = a->last.value > 0 || cents == 0 || !(dollars || euros);
    if (whole) {
        DubSpeakNumber number = a->last;
        number.decimals[0] = '\0';
        dub_speak_say_number(self, number.value, dub_speak_form(self, &number, name, a->end));
        dub_speak_say(self, name);
    }
    if (cents && whole)
        dub_speak_say(self, self->language->cents_join);
    if (cents)
        dub_speak_say_number(self, cents, cents == 1 && !whole ? DUB_SPELL_MASCULINE : DUB_SPELL_PLAIN);
    if (cents && !whole)
        dub_speak_say(self, (dollars ? self->language->cent : self->language->euro_cent)[cents != 1]);
    return true;
}

/* Italian joins "una" to a noun that begins with a vowel: "un'ora". */
static bool elides(const DubSpeaker *self, const Amount *a, const char *noun, DubSpellForm form)
{
    g_autofree char *word = noun ? g_strdup(noun) : dub_speak_word_after(a->end);
    return g_str_equal(self->language->code, "it") && form == DUB_SPELL_FEMININE && a->last.value == 1 && *word &&
           strchr("aeiou", *word);
}

static void say_counted(DubSpeaker *self, const Amount *a, const char *noun)
{
    if (a->range) {
        dub_speak_say_read(self, &a->first, form_of(self, a, &a->first, noun));
        dub_speak_say(self, range_word(self, a));
    }
    const DubSpellForm form = form_of(self, a, &a->last, noun);
    const bool elided = elides(self, a, noun, form);
    const bool one = a->magnitude && dub_speak_double(&a->last) == 1 && g_str_has_prefix(a->magnitude->said, "mil ");
    if (!one) /* "mil millones" needs no "un" */
        dub_speak_say_read(self, &a->last, elided ? DUB_SPELL_MASCULINE : form);
    if (elided)
        dub_speak_elide(self);
    if (a->magnitude)
        dub_speak_say(self, dub_speak_double(&a->last) == 1 ? a->magnitude->said : a->magnitude->said_plural);
    if (a->percent)
        dub_speak_say(self, self->language->percent);
}

/* Returns: whether a noun that "of" must join follows in the text. */
static bool noun_follows(const DubSpeaker *self, const Amount *a)
{
    g_autofree char *word = dub_speak_word_after(a->end);
    return *word && !dub_speak_words_have(self->language->not_nouns, word);
}

static void say_amount(DubSpeaker *self, const Amount *a)
{
    const double counted = a->magnitude ? 1000000 : dub_speak_double(&a->last);
    g_autofree char *noun = a->money  ? dub_speak_money_name(self, a->money, counted)
                            : a->unit ? dub_speak_unit_name(self, a->unit->name, counted)
                                      : NULL;
    if (a->sign)
        dub_speak_say(self, a->sign);
    if (a->money && say_cents(self, a))
        return;
    say_counted(self, a, noun);
    if (self->language->of && wants_of(a) && (noun || (!a->magnitude && noun_follows(self, a))))
        dub_speak_say(self, self->language->of);
    if (a->money || a->unit)
        dub_speak_say(self, noun ? noun : a->money ? a->money->written : a->unit->written);
}

/* "en el 45'", "al 45'", "à la 45'": an article makes a minute with a number of it. Returns: false: none is
 * before. */
static bool say_the_minute(DubSpeaker *self, const Amount *a, const DubSpeakNumber *added)
{
    static const struct {
        const char *language, *articles;
        DubSpellForm form;
        bool minute_first;
    } ways[] = { { "es", "el al del", DUB_SPELL_PLAIN, true },
                 { "it", "il al del dal", DUB_SPELL_ORDINAL_MASCULINE, false },
                 { "fr", "la", DUB_SPELL_ORDINAL_FEMININE, false } };
    g_autofree char *before = dub_speak_word_before(self, a->first.start);
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        if (!g_str_equal(self->language->code, ways[i].language) || !dub_speak_words_have(ways[i].articles, before))
            continue;
        g_autofree char *minute = dub_speak_unit_name(self, "minute", 1);
        dub_speak_say(self, ways[i].minute_first ? minute : "");
        dub_speak_say_number(self, a->last.value, added ? DUB_SPELL_PLAIN : ways[i].form);
        if (added) {
            dub_speak_say(self, self->language->plus);
            dub_speak_say_number(self, added->value, DUB_SPELL_PLAIN);
        }
        dub_speak_say(self, ways[i].minute_first ? "" : minute);
        return true;
    }
    return false;
}

/* "en el 90+4'" */
static bool say_added_time(DubSpeaker *self, const Amount *a)
{
    DubSpeakNumber added;
    if (*a->end != '+' || !dub_speak_read(self, a->end + 1, &added))
        return false;
    const gsize mark = minute_mark(self, a->first.start, added.end);
    g_autofree char *before = dub_speak_word_before(self, a->first.start);
    const bool named = g_str_has_prefix(before, "minut");
    if (!mark || (!named && !say_the_minute(self, a, &added)))
        return false;
    if (named) {
        dub_speak_say_number(self, a->last.value, DUB_SPELL_PLAIN);
        dub_speak_say(self, self->language->plus);
        dub_speak_say_number(self, added.value, DUB_SPELL_PLAIN);
    }
    self->at = added.end + mark;
    return true;
}

static bool read_amount(DubSpeaker *self, Amount *a)
{
    const char *p = read_sign(self, self->at, &a->sign);
    a->money = dub_speak_find_money(p);
    if (a->money)
        p = dub_speak_skip_space(p + strlen(a->money->written));
    if (!dub_speak_read(self, p, &a->first))
        return false;
    a->last = a->first;
    const char *second = second_number(a->first.end);
    a->range = second && dub_speak_read(self, second, &a->last);
    a->end = a->last.end;
    return true;
}

/* "1990s" and "90s" in English, and where a translator left them so. Returns: the end of the ending, or NULL.
 */
static const char *decade_end(const DubSpeaker *self, const DubSpeakNumber *number)
{
    const char *p = number->end + (*number->end == '\'' ? 1 : g_str_has_prefix(number->end, "’") ? strlen("’") : 0);
    const gsize length = strlen(number->whole);
    const bool decade = *p == 's' && !g_unichar_isalnum(g_utf8_get_char(p + 1)) && number->value % 10 == 0;
    const bool english = g_str_equal(self->language->code, "en");
    return decade && !*number->decimals && (length == 4 || (english && length == 2)) ? p + 1 : NULL;
}

static void say_decade(DubSpeaker *self, const DubSpeakNumber *number)
{
    const bool english = g_str_equal(self->language->code, "en");
    g_autofree char *spelt = dub_spell_number(self->spell, number->value, english ? DUB_SPELL_YEAR : DUB_SPELL_PLAIN);
    g_autoptr(GString) words = g_string_new(spelt);
    const bool ends_in_y = g_str_has_suffix(spelt, "y");
    if (english)
        g_string_truncate(words, words->len - ends_in_y);
    dub_speak_say(self, english ? g_string_append(words, ends_in_y ? "ies" : "s")->str : spelt);
}

/* Letters before the digits make a name of them: "F1", "MP3"; but not the sign of a product: "4x100". */
static bool is_part_of_name(const DubSpeaker *self)
{
    const char *before = self->at - 1;
    const bool product = self->at - self->text >= 2 && strchr("xX", *before) && !g_ascii_isalpha(before[-1]);
    return !product && dub_speak_is_word_char(dub_speak_char_before(self, self->at));
}

/* "6'2\"": feet and inches. Returns: the end, or NULL. */
static const char *read_feet(const DubSpeakNumber *feet, int *inches)
{
    const gsize mark = *feet->end == '\''                                                     ? 1
                       : g_str_has_prefix(feet->end, "’") || g_str_has_prefix(feet->end, "′") ? 3
                                                                                              : 0;
    const char *after = mark ? dub_speak_read_digits(dub_speak_skip_space(feet->end + mark), 1, 2, inches) : NULL;
    if (!after || *inches > 11)
        return NULL;
    static const char *const marks[] = { "\"", "″", "”", "''", "’’" };
    for (gsize i = 0; i < G_N_ELEMENTS(marks); i++)
        if (g_str_has_prefix(after, marks[i]))
            return after + strlen(marks[i]);
    return NULL;
}

static void say_part(DubSpeaker *self, gint64 value, const char *unit)
{
    g_autofree char *name = dub_speak_unit_name(self, unit, (double) value);
    const DubSpeakNumber number = { .start = self->at, .value = value };
    dub_speak_say_number(self, value, dub_speak_form(self, &number, name ? name : "", self->at));
    dub_speak_say(self, name ? name : "");
}

static bool say_feet(DubSpeaker *self, const DubSpeakNumber *feet)
{
    int inches;
    const char *end = *feet->decimals ? NULL : read_feet(feet, &inches);
    if (!end)
        return false;
    say_part(self, feet->value, "foot");
    dub_speak_say(self, self->language->and);
    say_part(self, inches, "inch");
    self->at = end;
    return true;
}

/* English: "49ers", "76ers". */
static bool say_team(DubSpeaker *self, const DubSpeakNumber *number)
{
    if (!g_str_equal(self->language->code, "en") || !g_str_has_prefix(number->end, "ers") || *number->decimals)
        return false;
    if (g_unichar_isalpha(g_utf8_get_char(number->end + 3)))
        return false;
    g_autofree char *spelt = dub_spell_number(self->spell, number->value, DUB_SPELL_PLAIN);
    g_autofree char *team = g_strconcat(spelt, g_str_has_suffix(spelt, "e") ? "rs" : "ers", NULL);
    dub_speak_say(self, team);
    self->at = number->end + 3;
    return true;
}

bool dub_speak_amount(DubSpeaker *self)
{
    Amount a = { 0 };
    if (!read_amount(self, &a))
        return false;
    const char *decade = a.sign || a.money || a.range ? NULL : decade_end(self, &a.first);
    if (decade || is_part_of_name(self)) {
        if (decade)
            say_decade(self, &a.first);
        else
            dub_speak_say_read(self, &a.first, DUB_SPELL_PLAIN);
        self->at = decade ? decade : a.first.end;
        return true;
    }
    if (!a.sign && !a.money && (say_chain(self, &a.first) || say_feet(self, &a.first) || say_team(self, &a.first)))
        return true;
    if (!a.range && !a.money && !a.sign && say_added_time(self, &a))
        return true;
    if (!a.range && !a.money && dub_speak_fraction_after(self, a.first.end))
        return true;
    read_suffix(self, &a);
    if (!a.money && !a.unit && !a.percent && !a.magnitude)
        read_marks(self, &a);
    drop_unit_stop(&a);
    if (a.unit != &minutes_of_play || a.sign || *a.last.decimals || !say_the_minute(self, &a, NULL))
        say_amount(self, &a);
    self->at = a.end;
    return true;
}
