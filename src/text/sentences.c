/* text/sentences.c: ICU finds where sentences may end, by Unicode's rules for all scripts; this file knows
 * what a stop after an abbreviation or an initial means, and that recognisers do not always write capitals.
 */
#include "text/sentences.h"

#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

typedef struct {
    const char *language;
    const char *titles;   /* before a name, with a capital: no sentence ends there */
    const char *joins;    /* between names, however they are written */
    const char *numbered; /* before a number: the same */
    const char *inner;    /* within a sentence unless a capital follows */
    const char *starters; /* after an initial they begin a sentence: "plan B. The" */
    bool ordinals;        /* "3. Mai" */
} Language;

/* Words between blanks, lower case, without their last stop. */
static const Language languages[] = {
    { "en", " dr mr mrs ms prof st sr rev gen col capt sgt lt gov sen rep hon messrs mt ft ", " vs ",
      " no nos p pp fig vol sec ch jan feb mar apr jun jul aug sep sept oct nov dec ",
      " jr etc e.g i.e approx dept est min mins sec secs yd yds a.m p.m inc ltd co corp ",
      " the he she it they we i you and but that this these those there what who so now then in at on for "
      "with a an his her if when ",
      false },
    { "es", " sr sra srta sres dr dra d da don ud uds prof lic ing gral cap cía st sto sta ee av avda ", " vs p.ej ",
      " n no núm nro pág págs art vol cap ", " etc aprox min seg a.m p.m ej ",
      " el la los las un una y pero que lo en con se no él ella es son esto eso ahora así cuando si ", false },
    { "de", " dr hr fr prof st ing dipl ", " z bzw vgl d u v ", " nr s bd abs art ",
      " usw etc ca min sek evtl ggf inkl z.b d.h u.a ",
      " der die das er sie es wir ich und aber ein eine in im mit jetzt dann ", true },
    { "fr", " m mm mme mmes mlle dr pr st ste me ", " vs ", " n no p pp art vol fig ", " etc env min sec c.-à-d p.ex ",
      " le la les un une il elle ils elles et mais on ce c'est en dans avec ", false },
    { "it", " sig sigg dott prof ing avv on s ss gen ", " vs ", " n nr p pp pag art vol fig ", " ecc circa min sec es ",
      " il lo la i gli le un una e ma che è in con lui lei non ", false },
    { "pt", " sr sra srta dr dra prof profa eng av d dom ", " vs ", " n no nº núm p pp pág art vol ",
      " etc aprox min seg ex ", " o a os as um uma e mas ele ela em com não é que ", false },
};

static const Language other_language = { "", " dr prof st ", " vs ", " no nr p ", " etc ", " ", false };

static const Language *find_language(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(languages); i++)
        if (strncmp(name, languages[i].language, 2) == 0)
            return &languages[i];
    return &other_language;
}

static bool is_listed(const char *list, const char *word)
{
    g_autofree char *folded = g_utf8_strdown(word, -1);
    g_autofree char *entry = g_strconcat(" ", folded, " ", NULL);
    return strstr(list, entry) != NULL;
}

static bool is_blank(gunichar c)
{
    return g_unichar_isspace(c) || c == 0xa0 || c == 0xfeff;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && is_blank(g_utf8_get_char(text)))
        text = g_utf8_next_char(text);
    return text;
}

static const char *trim_end(const char *begin, const char *end)
{
    for (const char *c; end > begin; end = c) {
        c = g_utf8_prev_char(end);
        if (!is_blank(g_utf8_get_char(c)))
            break;
    }
    return end;
}

static bool is_closing(gunichar c)
{
    const GUnicodeType type = g_unichar_type(c);
    return c == '"' || c == '\'' || type == G_UNICODE_CLOSE_PUNCTUATION || type == G_UNICODE_FINAL_PUNCTUATION;
}

/* Without quotation marks and brackets behind its stop. */
static const char *trim_closing(const char *begin, const char *end)
{
    while (end > begin && is_closing(g_utf8_get_char(g_utf8_prev_char(end))))
        end = g_utf8_prev_char(end);
    return end;
}

static bool is_terminator(gunichar c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xff01 || c == 0xff1f || c == 0x61f ||
           c == 0x6d4 || c == 0x964 || c == 0x37e;
}

/* The text around a place where a sentence may end. */
typedef struct {
    const char *begin, *end; /* of what comes before, without blanks behind and without closing marks */
    const char *next;        /* what follows, without blanks before */
    bool closed;             /* there were closing marks */
    char *word;              /* the last word before, without opening marks and its last stop */
} Place;

static char *last_word(const char *begin, const char *end)
{
    const char *start = end;
    while (start > begin && !is_blank(g_utf8_get_char(g_utf8_prev_char(start))))
        start = g_utf8_prev_char(start);
    while (start < end && !g_unichar_isalnum(g_utf8_get_char(start)))
        start = g_utf8_next_char(start);
    const gsize length = (gsize) (end - start);
    return g_strndup(start, length > 0 && end[-1] == '.' ? length - 1 : length);
}

static void place_clear(Place *self)
{
    g_free(self->word);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void place_init(Place *self, const char *text, const char *at)
{
    const char *trimmed = trim_end(text, at);
    self->begin = text;
    self->end = trim_closing(text, trimmed);
    self->closed = self->end < trimmed;
    self->next = skip_blanks(at, at + strlen(at));
    self->word = last_word(text, self->end);
}

static bool ends_with_stop(const Place *place)
{
    return place->end > place->begin && place->end[-1] == '.';
}

static bool ends_with_ellipsis(const Place *place)
{
    const gsize length = (gsize) (place->end - place->begin);
    return (length >= 2 && memcmp(place->end - 2, "..", 2) == 0) ||
           (length >= 3 && memcmp(place->end - 3, "…", 3) == 0);
}

/* "J", "J.J", "D.C" */
static bool is_initials(const char *word)
{
    bool letter_wanted = true;
    for (const char *c = word; *c; c = g_utf8_next_char(c)) {
        const gunichar character = g_utf8_get_char(c);
        if (letter_wanted ? !g_unichar_isupper(character) : character != '.')
            return false;
        letter_wanted = !letter_wanted;
    }
    return !letter_wanted;
}

static bool is_all_capitals(const char *word)
{
    for (const char *c = word; *c; c = g_utf8_next_char(c))
        if (!g_unichar_isupper(g_utf8_get_char(c)) && *c != '.')
            return false;
    return *word != '\0';
}

static bool is_short_number(const char *word)
{
    return *word && strlen(word) <= 2 && word[strspn(word, "0123456789")] == '\0';
}

static bool starts_sentence(const Language *language, const char *next)
{
    const char *end = next;
    while (*end && g_unichar_isalpha(g_utf8_get_char(end)))
        end = g_utf8_next_char(end);
    g_autofree char *word = g_strndup(next, (gsize) (end - next));
    return g_unichar_isupper(g_utf8_get_char(next)) && is_listed(language->starters, word);
}

static bool stop_ends_sentence(const Language *language, const Place *place)
{
    const gunichar next = g_utf8_get_char(place->next);
    if (is_listed(language->joins, place->word))
        return false;
    if (is_listed(language->titles, place->word)) /* "one more rep. Then" is no title, "dr. smith" is one */
        return g_unichar_islower(g_utf8_get_char(place->word)) && g_unichar_isupper(next);
    if (is_listed(language->numbered, place->word) && g_unichar_isdigit(next))
        return false;
    if (is_listed(language->inner, place->word) && !g_unichar_isupper(next))
        return false;
    if (language->ordinals && is_short_number(place->word))
        return false;
    if (g_unichar_islower(next) && is_all_capitals(place->word)) /* "EE. UU. gana" */
        return false;
    return !is_initials(place->word) || g_str_equal(place->word, "I") || starts_sentence(language, place->next);
}

static bool ends_sentence(const Language *language, const char *text, const char *at)
{
    g_auto(Place) place = { 0 };
    place_init(&place, text, at);
    if (!*place.next || place.end == place.begin)
        return false;
    const gunichar next = g_utf8_get_char(place.next);
    if (place.closed && g_unichar_islower(next)) /* "Stop!" he said */
        return false;
    if (ends_with_ellipsis(&place))
        return !g_unichar_islower(next);
    return !ends_with_stop(&place) || stop_ends_sentence(language, &place);
}

static int compare_offsets(gconstpointer a, gconstpointer b)
{
    const gsize x = *(const gsize *) a, y = *(const gsize *) b;
    return x < y ? -1 : x > y;
}

/* What ICU takes for one sentence, since no capital follows: "he scores. they win" */
static void add_stops_before_small_letters(const char *text, GArray *offsets)
{
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        const char *next = g_utf8_next_char(c);
        if (!is_terminator(g_utf8_get_char(c)) || !is_blank(g_utf8_get_char(next)))
            continue;
        const char *word = skip_blanks(next, next + strlen(next));
        const gsize offset = (gsize) (word - text);
        if (*word)
            g_array_append_val(offsets, offset);
    }
}

/* ICU cannot fail here but for want of memory or of its data; then the stops alone tell where sentences end.
 */
static void add_icu_offsets(const char *text, const char *language, GArray *offsets)
{
    UErrorCode status = U_ZERO_ERROR;
    UText source = UTEXT_INITIALIZER;
    utext_openUTF8(&source, text, -1, &status);
    UBreakIterator *iterator = ubrk_open(UBRK_SENTENCE, language, NULL, 0, &status);
    ubrk_setUText(iterator, &source, &status);
    if (U_SUCCESS(status))
        for (int32_t at = ubrk_first(iterator); at != UBRK_DONE; at = ubrk_next(iterator)) {
            const gsize offset = (gsize) at;
            g_array_append_val(offsets, offset);
        }
    ubrk_close(iterator);
    utext_close(&source);
}

/* Does it end as a sentence does? An ellipsis is what recognisers write where the sound ends in mid-sentence.
 */
static bool is_complete(const Language *language, const char *begin, const char *end)
{
    Place place = { .begin = begin, .end = trim_closing(begin, end), .next = "" };
    if (place.end == begin || !is_terminator(g_utf8_get_char(g_utf8_prev_char(place.end))) ||
        ends_with_ellipsis(&place))
        return false;
    g_autofree char *word = last_word(begin, place.end);
    return place.end[-1] != '.' || !is_listed(language->titles, word) || !g_unichar_isupper(g_utf8_get_char(word));
}

static void add_sentence(GArray *sentences, const Language *language, const char *text, const char *begin,
                         const char *end)
{
    begin = skip_blanks(begin, end);
    end = trim_end(begin, end);
    if (begin == end)
        return;
    const DubSentence sentence = { (gsize) (begin - text), (gsize) (end - begin), is_complete(language, begin, end) };
    g_array_append_val(sentences, sentence);
}

GArray *dub_sentences_find(const char *text, const char *language_name)
{
    const Language *language = find_language(language_name);
    g_autoptr(GArray) offsets = g_array_new(FALSE, FALSE, sizeof(gsize));
    add_icu_offsets(text, language_name, offsets);
    add_stops_before_small_letters(text, offsets);
    g_array_sort(offsets, compare_offsets);
    GArray *sentences = g_array_new(FALSE, FALSE, sizeof(DubSentence));
    const char *begin = text;
    for (guint i = 0; i < offsets->len; i++) {
        const char *at = text + g_array_index(offsets, gsize, i);
        if (at <= begin || !ends_sentence(language, begin, at))
            continue;
        add_sentence(sentences, language, text, begin, at);
        begin = at;
    }
    add_sentence(sentences, language, text, begin, text + strlen(text));
    return sentences;
}

char **dub_sentences_split(const char *text, const char *language)
{
    g_autoptr(GArray) sentences = dub_sentences_find(text, language);
    char **strings = g_new0(char *, sentences->len + 1);
    for (guint i = 0; i < sentences->len; i++) {
        const DubSentence *sentence = &g_array_index(sentences, DubSentence, i);
        strings[i] = g_strndup(text + sentence->start, sentence->length);
    }
    return strings;
}

char *dub_sentences_join(const char *const *sentences)
{
    GString *text = g_string_new(NULL);
    for (; *sentences; sentences++) {
        g_autofree char *trimmed = g_strstrip(g_strdup(*sentences));
        if (*trimmed && text->len)
            g_string_append_c(text, ' ');
        g_string_append(text, trimmed);
    }
    return g_string_free(text, FALSE);
}
