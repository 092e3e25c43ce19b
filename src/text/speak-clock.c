/* text/speak-clock.c: dates, times of day, ordinals, telephone numbers. */
#include "text/speak-private.h"

#include <string.h>

#define MOST_GROUPS 8
#define PHONE_LEAST 7 /* digits */
#define PHONE_MOST  15

static bool begins_a_number(const DubSpeaker *self)
{
    const gunichar before = dub_speak_char_before(self, self->at);
    return g_ascii_isdigit(*self->at) && !g_unichar_isalnum(before) && before != '/' && before != ':';
}

typedef struct {
    int day, month, year; /* year 0: none */
    const char *end;
} Date;

static bool is_date(const Date *date)
{
    return date->day >= 1 && date->day <= 31 && date->month >= 1 && date->month <= 12 && date->year > 0;
}

static bool read_iso(const char *p, Date *date)
{
    const char *month = dub_speak_read_digits(p, 4, 4, &date->year);
    const char *day = month && *month == '-' ? dub_speak_read_digits(month + 1, 2, 2, &date->month) : NULL;
    date->end = day && *day == '-' ? dub_speak_read_digits(day + 1, 2, 2, &date->day) : NULL;
    return date->end && is_date(date);
}

/* "5/11/2024", "05.11.24", "5-11-2024" */
static bool read_numbers(const DubSpeaker *self, const char *p, Date *date)
{
    int first, second;
    const char *after = dub_speak_read_digits(p, 1, 2, &first);
    if (!after || !strchr("/.-", *after) || !*after)
        return false;
    const char mark = *after;
    after = dub_speak_read_digits(after + 1, 1, 2, &second);
    if (!after || *after != mark)
        return false;
    const char *year = after + 1;
    date->end = dub_speak_read_digits(year, mark == '-' ? 4 : 2, 4, &date->year);
    if (!date->end || date->end - year == 3 || (*date->end == mark && g_ascii_isdigit(date->end[1])))
        return false;
    if (date->end - year == 2)
        date->year += date->year < 70 ? 2000 : 1900;
    const bool month_first = second > 12 || (self->month_first && first <= 12);
    date->day = month_first ? second : first;
    date->month = month_first ? first : second;
    return is_date(date);
}

/* German ordinals end as the word before them wants. */
static DubSpellForm german_ordinal(const char *before)
{
    if (dub_speak_words_have("den dem des am im vom zum beim bis ab seit", before))
        return DUB_SPELL_ORDINAL_N;
    return dub_speak_words_have("der die das", before) ? DUB_SPELL_ORDINAL_MASCULINE : DUB_SPELL_ORDINAL_R;
}

static DubSpellForm day_form(const DubSpeaker *self, int day, const char *before)
{
    const DubSpeakLanguage *language = self->language;
    if (g_str_equal(language->code, "de"))
        return german_ordinal(before);
    const bool ordinal = language->days_are_ordinal || (day == 1 && (language->first_is_ordinal || self->in_americas));
    return ordinal ? DUB_SPELL_ORDINAL_MASCULINE : DUB_SPELL_PLAIN;
}

bool dub_speak_date(DubSpeaker *self)
{
    Date date = { 0 };
    if (!begins_a_number(self) || !(read_iso(self->at, &date) || read_numbers(self, self->at, &date)))
        return false;
    g_autofree char *before = dub_speak_word_before(self, self->at);
    for (const char *p = self->language->date; *p; p++) {
        if (p[0] == '%' && p[1] == 'd')
            dub_speak_say_number(self, date.day, day_form(self, date.day, before));
        else if (p[0] == '%' && p[1] == 'm')
            dub_speak_say(self, dub_spell_month(self->spell, (unsigned) date.month));
        else if (p[0] == '%' && p[1] == 'y')
            dub_speak_say_number(self, date.year, self->language->year_reading ? DUB_SPELL_YEAR : DUB_SPELL_PLAIN);
        else if (g_str_has_prefix(p, "de"))
            dub_speak_say(self, "de");
        else if (*p == ',')
            g_string_append_c(self->out, ',');
        p += *p == '%' || *p == 'd';
    }
    self->at = date.end;
    return true;
}

typedef struct {
    int hour, minute, second; /* second -1: none */
    const char *decimals;     /* of the seconds of a race: "1:43.56"; NULL: none */
    bool at_time;             /* a time of day for sure */
    bool named, spelt;        /* an hour's sign stood behind it, as "h" or as the whole word */
    const char *half;         /* "de la mañana", NULL: nothing */
    const char *end;
} Clock;

/* Returns: the end of "a. m." or "pm" at @p, or NULL. */
static const char *half_day(const char *p, bool *afternoon)
{
    static const char *const written[][2] = { { "a. m.", "p. m." }, { "a.m.", "p.m." }, { "a. m", "p. m" },
                                              { "a.m", "p.m" },     { "A.M.", "P.M." }, { "am", "pm" },
                                              { "AM", "PM" } };
    for (gsize i = 0; i < G_N_ELEMENTS(written); i++)
        for (int half = 0; half < 2; half++) {
            const gsize length = strlen(written[i][half]);
            if (g_str_has_prefix(p, written[i][half]) && !g_unichar_isalnum(g_utf8_get_char(p + length))) {
                *afternoon = half == 1;
                return p + length;
            }
        }
    return NULL;
}

/* The full stop of "p. m." is the sentence's too where nothing follows. */
static const char *without_sentence_stop(const char *end)
{
    const bool last = !*end || (*end == ' ' && g_unichar_isupper(g_utf8_get_char(end + 1)));
    return last && end[-1] == '.' ? end - 1 : end;
}

static void read_half(const DubSpeaker *self, Clock *clock)
{
    bool afternoon;
    const char *end = half_day(dub_speak_skip_space(clock->end), &afternoon);
    if (!end || clock->hour > 12)
        return;
    const bool evening = afternoon && clock->hour >= 8 && clock->hour < 12;
    clock->half = evening ? self->language->evening : afternoon ? self->language->pm : self->language->am;
    clock->at_time = true;
    clock->end = without_sentence_stop(end);
}

/* "15:00 h", "10.45 Uhr": an hour's sign behind the time. */
static void read_clock_suffix(const DubSpeaker *self, Clock *clock)
{
    g_autoptr(GString) word = g_string_new(NULL);
    const char *p = dub_speak_skip_space(clock->end);
    for (; dub_speak_is_word_char(g_utf8_get_char(p)); p = g_utf8_next_char(p))
        g_string_append_unichar(word, g_utf8_get_char(p));
    clock->spelt = g_str_equal(word->str, self->language->clock_word);
    if (!clock->spelt && !dub_speak_words_have(self->language->clock_suffix, word->str))
        return;
    clock->named = true;
    clock->end = p;
}

/* "10h30", "10 h 30" */
static bool read_with_h(const DubSpeaker *self, Clock *clock)
{
    const char *p = dub_speak_read_digits(self->at, 1, 2, &clock->hour);
    p = p ? dub_speak_skip_space(p) : NULL;
    if (!p || *p != 'h' || clock->hour > 24)
        return false;
    clock->end = dub_speak_read_digits(dub_speak_skip_space(p + 1), 2, 2, &clock->minute);
    clock->at_time = true;
    if (!clock->end || clock->minute > 59 || g_unichar_isalpha(g_utf8_get_char(clock->end)))
        return false;
    return !dub_speak_find_unit(dub_speak_skip_space(clock->end)); /* "2 h 13 min" is how long something took */
}

static bool read_with_mark(const DubSpeaker *self, Clock *clock)
{
    const char *p = dub_speak_read_digits(self->at, 1, 2, &clock->hour);
    if (!p || (*p != ':' && *p != '.') || clock->hour > 59)
        return false;
    clock->end = dub_speak_read_digits(p + 1, 2, 2, &clock->minute);
    if (!clock->end || clock->minute > 59)
        return false;
    if (*p == '.') { /* a time only if a word says so: "10.45 Uhr" */
        read_clock_suffix(self, clock);
        read_half(self, clock);
        g_autofree char *before = dub_speak_word_before(self, self->at);
        const bool said_so =
            strstr("es it", self->language->code) && dub_speak_words_have(self->language->clock_at, before);
        return clock->named || clock->half || said_so;
    }
    const char mark = *clock->end;
    const bool more = (mark == ':' || mark == '.' || mark == ',') && g_ascii_isdigit(clock->end[1]);
    if (mark == ':' && !(more && dub_speak_read_digits(clock->end + 1, 2, 2, &clock->second)))
        return !more;
    if (mark == ':') {
        clock->end += 3;
        return clock->second < 60 && *clock->end != ':';
    }
    clock->second = -1;
    if (more) {
        clock->decimals = clock->end + 1;
        clock->end = clock->decimals + strspn(clock->decimals, "0123456789");
    }
    return true;
}

/* "1:02:33" is how long something took. */
static void say_duration(DubSpeaker *self, const Clock *clock)
{
    const int parts[] = { clock->hour, clock->minute, clock->second };
    static const char *const units[] = { "hour", "minute", "second" };
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *name = dub_speak_unit_name(self, units[i], parts[i]);
        const DubSpeakNumber number = { .start = self->at, .value = parts[i] };
        if (i == 2)
            dub_speak_say(self, self->language->and);
        dub_speak_say_number(self, parts[i], dub_speak_form(self, &number, name ? name : "", self->at));
        dub_speak_say(self, name ? name : "");
    }
}

/* Minutes and seconds with decimals, as in races: "uno cuarenta y tres coma cincuenta y seis". */
static void say_race(DubSpeaker *self, const Clock *clock)
{
    DubSpeakNumber seconds = { .value = clock->minute, .separator = clock->decimals[-1] };
    g_strlcpy(seconds.decimals, clock->decimals,
              MIN(sizeof seconds.decimals, (gsize) (clock->end - clock->decimals) + 1));
    dub_speak_say_number(self, clock->hour, DUB_SPELL_PLAIN);
    if (clock->minute < 10)
        dub_speak_say_number(self, 0, DUB_SPELL_PLAIN);
    dub_speak_say_read(self, &seconds, DUB_SPELL_PLAIN);
}

static void say_hour(DubSpeaker *self, const Clock *clock)
{
    const DubSpeakLanguage *language = self->language;
    const bool feminine = language->feminine_hours && (clock->at_time || !g_str_equal(language->code, "es"));
    const bool german = g_str_equal(language->code, "de");
    dub_speak_say_number(self, clock->hour,
                         feminine ? DUB_SPELL_FEMININE
                         : german ? DUB_SPELL_MASCULINE
                                  : DUB_SPELL_PLAIN);
}

/* French says "une heure". */
static const char *hours_word(const DubSpeaker *self, const Clock *clock, const char *word)
{
    return clock->hour <= 1 && g_str_equal(self->language->code, "fr") && g_str_equal(word, "heures") ? "heure" : word;
}

/* Returns: what stands between the hour and the minutes, or after an hour without any. */
static const char *after_hour(const DubSpeaker *self, const Clock *clock)
{
    const DubSpeakLanguage *language = self->language;
    if (clock->minute > 0)
        return clock->at_time ? language->clock_join : language->clock_else;
    if (clock->named)
        return language->clock_word;
    if (clock->half && g_str_equal(language->code, "en"))
        return "";
    return clock->at_time ? language->clock_full : language->clock_nothing;
}

static void say_clock(DubSpeaker *self, const Clock *clock)
{
    const DubSpeakLanguage *language = self->language;
    const char *word = after_hour(self, clock);
    say_hour(self, clock);
    dub_speak_say(self, hours_word(self, clock, word));
    if (clock->minute > 0) {
        const bool zero = clock->minute < 10 && (!clock->at_time || g_str_equal(language->code, "en"));
        if (zero && language->clock_zero)
            dub_speak_say(self, language->clock_zero);
        dub_speak_say_number(self, clock->minute, DUB_SPELL_PLAIN);
    }
    if (clock->spelt && !g_str_equal(word, language->clock_word))
        dub_speak_say(self, language->clock_word);
    if (clock->half)
        dub_speak_say(self, clock->half);
}

/* "10am": an hour without minutes. */
static bool read_bare_hour(const DubSpeaker *self, Clock *clock)
{
    clock->end = dub_speak_read_digits(self->at, 1, 2, &clock->hour);
    if (!clock->end || clock->hour < 1 || clock->hour > 12)
        return false;
    read_half(self, clock);
    return clock->half;
}

static bool read_clock(const DubSpeaker *self, Clock *clock)
{
    static const Clock none = { .second = -1 };
    *clock = none;
    if (read_with_h(self, clock))
        return true;
    *clock = none;
    if (read_with_mark(self, clock))
        return true;
    *clock = none;
    return read_bare_hour(self, clock);
}

/* Returns: whether the numbers are a time in this language. German writes scores so as well. */
static bool is_clock(const DubSpeaker *self, const Clock *clock)
{
    const bool sure = clock->at_time || clock->named;
    if (g_str_equal(self->language->code, "de") && !sure)
        return false;
    return clock->hour <= 24 || (!sure && !g_str_equal(self->language->code, "fr"));
}

bool dub_speak_clock(DubSpeaker *self)
{
    Clock clock;
    if (!begins_a_number(self) || !read_clock(self, &clock))
        return false;
    if (clock.second >= 0 || clock.decimals) {
        (clock.decimals ? say_race : say_duration)(self, &clock);
        self->at = clock.end;
        return true;
    }
    g_autofree char *before = dub_speak_word_before(self, self->at);
    clock.at_time |= dub_speak_words_have(self->language->clock_at, before);
    if (!clock.named)
        read_clock_suffix(self, &clock);
    if (!clock.half)
        read_half(self, &clock);
    if (!is_clock(self, &clock))
        return false;
    say_clock(self, &clock);
    self->at = clock.end;
    return true;
}

/* Returns: the end of the longest of @endings at @p, or NULL. */
static const char *ending_at(const char *endings, const char *p)
{
    const char *best = NULL;
    for (const char *e = endings; *e;) {
        const gsize length = strcspn(e, " ");
        const bool there = strncmp(p, e, length) == 0 && !g_unichar_isalnum(g_utf8_get_char(p + length));
        if (there && (!best || p + length > best))
            best = p + length;
        e += length + (e[length] == ' ');
    }
    return best;
}

static bool noun_follows(const DubSpeaker *self, const char *after)
{
    g_autofree char *word = dub_speak_word_after(after);
    return *word && !dub_speak_words_have(self->language->not_nouns, word);
}

static DubSpellForm ordinal_before_noun(const DubSpeaker *self, const char *after)
{
    return noun_follows(self, after) ? DUB_SPELL_ORDINAL_BEFORE : DUB_SPELL_ORDINAL_MASCULINE;
}

/* Returns: the month that is named at @p, after "de" or "of" as well; 0: none. */
static unsigned month_after(const DubSpeaker *self, const char *p)
{
    g_autofree char *word = dub_speak_word_after(p);
    if (!g_str_equal(word, "de") && !g_str_equal(word, "of"))
        return dub_spell_find_month(self->spell, word);
    g_autofree char *next = dub_speak_word_after(p + 1 + strlen(word));
    return dub_spell_find_month(self->spell, next);
}

/* "1st" in any language, since translators leave it; "1°" where that cannot be a degree. */
static const char *foreign_ordinal(const DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm *form)
{
    const char *end = ending_at("st nd rd th", number->end);
    const bool romance = strstr("es it pt", self->language->code);
    if (!end && romance && g_str_has_prefix(number->end, "°") && number->value >= 1 && number->value <= 31) {
        const char *after = number->end + strlen("°");
        end = noun_follows(self, after) || month_after(self, after) ? after : NULL;
    }
    if (!end)
        return NULL;
    g_autofree char *noun = dub_speak_word_after(end);
    *form = dub_speak_is_feminine(self->language, noun) ? DUB_SPELL_ORDINAL_FEMININE : ordinal_before_noun(self, end);
    return end;
}

/* German: "am 3. Mai", "der 2. Platz". */
static const char *german_point(const DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm *form)
{
    if (*number->end != '.' || number->end[1] != ' ' || number->value > 200)
        return NULL;
    const char *after = number->end + 1;
    g_autofree char *before = dub_speak_word_before(self, number->start);
    static const char articles[] = "der die das den dem des am im vom zum zur beim ein kein sein ihr mein jeder";
    const bool ordinal = dub_speak_words_have(articles, before) || month_after(self, after) > 0;
    *form = german_ordinal(before);
    if (g_str_equal(before, "zur"))
        *form = DUB_SPELL_ORDINAL_N;
    return ordinal && g_unichar_isalpha(g_utf8_get_char(after + 1)) ? after : NULL;
}

/* "1 de mayo", "1 mai", "5 May": a day before the name of its month. */
static const char *day_of_month(const DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm *form)
{
    const DubSpeakLanguage *language = self->language;
    const bool ordinal =
        language->days_are_ordinal || (number->value == 1 && (language->first_is_ordinal || self->in_americas));
    if (!ordinal || g_str_equal(language->code, "de") || number->value > 31 || !month_after(self, number->end))
        return NULL;
    *form = DUB_SPELL_ORDINAL_MASCULINE;
    return number->end;
}

static const char *own_ordinal(const DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm *form)
{
    const char *end = ending_at(self->language->ordinal_before, number->end);
    *form = DUB_SPELL_ORDINAL_BEFORE;
    if (end)
        return end;
    end = ending_at(self->language->ordinal_feminine, number->end);
    *form = DUB_SPELL_ORDINAL_FEMININE;
    if (end)
        return end;
    end = ending_at(self->language->ordinal_masculine, number->end);
    const bool degrees = end && g_str_has_prefix(number->end, "º") && number->value > 31 && !noun_follows(self, end);
    if (degrees)
        return NULL; /* "giró 90º" */
    if (end)
        *form = ordinal_before_noun(self, end);
    return end;
}

bool dub_speak_ordinal(DubSpeaker *self)
{
    DubSpeakNumber number;
    DubSpellForm form = DUB_SPELL_PLAIN;
    if (!begins_a_number(self) || !dub_speak_read(self, self->at, &number))
        return false;
    if (*number.decimals || number.digits_only || number.value < 1 || number.value > 9999)
        return false;
    const char *end = own_ordinal(self, &number, &form);
    end = end ? end : foreign_ordinal(self, &number, &form);
    if (!end && g_str_equal(self->language->code, "de"))
        end = german_point(self, &number, &form);
    const bool day = !end && (end = day_of_month(self, &number, &form)) && g_str_equal(self->language->code, "en");
    if (!end)
        return false;
    g_autofree char *before = dub_speak_word_before(self, number.start);
    if (day && !g_str_equal(before, "the"))
        dub_speak_say(self, "the");
    dub_speak_say_number(self, number.value, form);
    if (day && !g_str_has_prefix(end, " of "))
        dub_speak_say(self, "of");
    self->at = end;
    return true;
}

typedef struct {
    const char *start, *end;
} Group;

/* Reads groups of digits by single marks: "555-1234", "(555) 123 4567". Returns: how many. */
static guint read_groups(const char *p, Group *groups, guint *digits, bool *hyphens)
{
    guint n = 0;
    *digits = 0;
    *hyphens = true;
    while (n < MOST_GROUPS) {
        const bool bracket = *p == '(' && g_ascii_isdigit(p[1]);
        p += bracket;
        const gsize length = strspn(p, "0123456789");
        if (length == 0 || length > 5 || (bracket && p[length] != ')'))
            break;
        groups[n++] = (Group){ p, p + length };
        *digits += (guint) length;
        p += length + bracket;
        const bool space = *p == ' ';
        if (!space && *p != '-' && *p != '.')
            break;
        *hyphens &= *p == '-' || bracket;
        p++;
    }
    return n;
}

static bool is_phone(const DubSpeaker *self, const Group *groups, guint n, guint digits, bool hyphens, bool plus)
{
    static const char words[] = "teléfono tel tfno número llame llamar llamen móvil phone call number telephone mobile "
                                "téléphone appelez numéro telefono chiamate telefone ligue telefon anrufen";
    if (digits < PHONE_LEAST || digits > PHONE_MOST || n < 2)
        return false;
    const gsize first = (gsize) (groups[0].end - groups[0].start);
    const gsize last = (gsize) (groups[n - 1].end - groups[n - 1].start);
    const bool bracket = groups[0].start > self->text && groups[0].start[-1] == '(';
    if (plus || (bracket && first <= 3))
        return true;
    const bool round = g_str_has_prefix(groups[1].end - 2, "00") && n == 2; /* "100-2000" is a range */
    if (hyphens)
        return first <= 3 && !round && (last == 4 || (first == last && n >= 4));
    g_autofree char *before = dub_speak_word_before(self, self->at);
    const bool french = *groups[0].start == '0' && first == 2 && n == 5;
    return french || dub_speak_words_have(words, before);
}

bool dub_speak_phone(DubSpeaker *self)
{
    Group groups[MOST_GROUPS];
    guint digits;
    bool hyphens;
    const gunichar before = dub_speak_char_before(self, self->at);
    if (g_unichar_isalnum(before) || before == '-' || before == '.')
        return false;
    const bool plus = *self->at == '+';
    const guint n = read_groups(self->at + plus, groups, &digits, &hyphens);
    if (n == 0 || !is_phone(self, groups, n, digits, hyphens, plus) || g_ascii_isdigit(*groups[n - 1].end))
        return false;
    if (plus)
        dub_speak_say(self, self->language->plus);
    for (guint i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_c(self->out, ',');
        dub_speak_say_digits(self, groups[i].start, groups[i].end);
    }
    self->at = groups[n - 1].end;
    self->at += *self->at == ')';
    return true;
}
