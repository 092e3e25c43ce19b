/* text/phonemes.c: phonemes by libespeak-ng, clause by clause, because the library drops the punctuation
 * between them. Kokoro's letters are those of misaki, the program that wrote its training data: an affricate
 * or a diphthong that eSpeak NG itself holds to be one sound (it writes a tie then) is one letter. */
#include "text/phonemes.h"
#include "base/error.h"

#include <espeak-ng/speak_lib.h>
#include <stdbool.h>
#include <string.h>

#define TIE           "\u0361"
#define IPA           0x02
#define IPA_WITH_TIES (0x82 | 0x361 << 8)
#define MOST_PIECES   8192 /* calls of the library for one clause: no text we take needs as many */

typedef struct {
    const char *from, *to;
} Change;

/* What eSpeak NG ties is one letter. The last two rows are sounds of English alone. */
static const Change tied[] = {
    { "d" TIE "ʒ", "ʤ" },  { "t" TIE "ʃ", "ʧ" },  { "t" TIE "s", "ʦ" }, { "d" TIE "z", "ʣ" }, { "e" TIE "ɪ", "A" },
    { "a" TIE "ɪ", "I" },  { "a" TIE "ʊ", "W" },  { "ɔ" TIE "ɪ", "Y" }, { "o" TIE "ʊ", "O" }, { "ə" TIE "ʊ", "Q" },
    { "ə" TIE "l", "ᵊl" }, { "e" TIE "ə", "ɛː" }, { NULL, NULL },
};

/* Kokoro has no letters for ties, for the hyphen by which eSpeak NG marks a liaison, and for some variants.
 */
static const Change untie[] = { { TIE, "" }, { "-", "" }, { "g", "ɡ" }, { "ʱ", "ʰ" }, { "ɫ", "l" }, { NULL, NULL } };

/* English has fewer sounds in misaki than in eSpeak NG. Longest first. */
static const Change english[] = {
    { "ʔn\u0329", "tᵊn" }, { "n\u0329", "ᵊn" }, { "l\u0329", "ᵊl" }, { "ʔ", "t" },   { "ɚ", "əɹ" },
    { "r", "ɹ" },          { "x", "k" },        { "ç", "k" },        { "ɐ", "ə" },   { "ɬ", "l" },
    { "ʲ", "" },           { "ᵻ", "ɪ" },        { "\u0303", "" },    { NULL, NULL },
};
static const Change american[] = { { "ɜːɹ", "ɜɹ" }, { "ɜː", "ɜɹ" }, { "ɪə", "iə" }, { "ː", "" }, { NULL, NULL } };
static const Change british[] = { { "iə", "ɪə" }, { NULL, NULL } };

/* All the letters that Kokoro-82M has tokens for, but for its punctuation. */
/* clang-format off */
static const char kokoro_letters[] =
    " \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲᵻ";
/* clang-format on */

/* Marks that end a clause: the least first. Where several stand together, the greatest is kept. */
static const char marks[][4] = { ",", "—", ";", ":", ".", "…", "!", "?" };

/* Other scripts' marks, and spellings of ours. */
static const Change other_marks[] = {
    { "...", "…" }, { "–", "—" },  { "。", "." }, { "．", "." }, { "，", "," },
    { "、", "," },  { "！", "!" }, { "？", "?" }, { "：", ":" }, { "；", ";" },
    { "،", "," },   { "؛", ";" },  { "؟", "?" },  { "।", "." },  { NULL, NULL },
};

/* Piper's voices have tokens for neither. */
static const Change piper_marks[] = { { " —", "," }, { "…", "." }, { NULL, NULL } };

/* The library: one global state, so all that follows is done while this lock is held. */
static GMutex lock;
static bool initialised;

static bool initialise(GError **error)
{
    if (initialised)
        return true;
    initialised = espeak_Initialize(AUDIO_OUTPUT_RETRIEVAL, 0, NULL, espeakINITIALIZE_DONT_EXIT) > 0;
    if (!initialised)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            "espeak-ng: its data is missing; install it with: apt-get install espeak-ng-data");
    return initialised;
}

static bool is_language(const char *tag, const char *language)
{
    const gsize length = strlen(language);
    return g_ascii_strncasecmp(tag, language, length) == 0 && !g_ascii_isalnum(tag[length]);
}

/* Returns: (transfer full): eSpeak NG's name for what the voices of @set speak when nothing more exact is
 * said. */
static char *usual_name(const char *language, DubPhonemeSet set)
{
    char *name = g_ascii_strdown(language, -1);
    g_strdelimit(name, "_", '-');
    if (set != DUB_PHONEMES_KOKORO)
        return name;
    const bool bare = !strchr(name, '-');
    const char *regional = bare && g_str_equal(name, "en") ? "en-us" : bare && g_str_equal(name, "pt") ? "pt-br" : NULL;
    if (!regional)
        return name;
    g_free(name);
    return g_strdup(regional);
}

/* A name is a part of a path inside the library: only letters, digits and hyphens pass. */
static bool is_plain_name(const char *name)
{
    return *name && strlen(name) < 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static bool select_voice(const char *name)
{
    if (espeak_SetVoiceByName(name) == EE_OK)
        return true;
    const bool americas = is_language(name, "es") && !is_language(name, "es-es");
    if (americas && espeak_SetVoiceByName("es-419") == EE_OK)
        return true;
    g_autofree char *language = g_strndup(name, strcspn(name, "-"));
    return strchr(name, '-') && espeak_SetVoiceByName(language) == EE_OK;
}

static bool choose_voice(const char *language, DubPhonemeSet set, GError **error)
{
    g_autofree char *name = usual_name(language, set);
    static const char *const not_by_espeak[] = { "ja", "zh", "cmn", "yue" };
    for (gsize i = 0; set == DUB_PHONEMES_KOKORO && i < G_N_ELEMENTS(not_by_espeak); i++) {
        if (!is_language(name, not_by_espeak[i]))
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "Kokoro's phonemes for \"%s\" cannot be made by espeak-ng; choose another language", language);
        return false;
    }
    if (is_plain_name(name) && select_voice(name))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "espeak-ng has no phonemes for the language \"%s\"; \"espeak-ng --voices\" lists those it has",
                language);
    return false;
}

static void change_all(GString *text, const Change *changes)
{
    for (; changes->from; changes++)
        g_string_replace(text, changes->from, changes->to, 0);
}

/* Takes out "(en)" and "(es)", where the library changes to another language and back. */
static void drop_switches(GString *text)
{
    const char *open, *close;
    while ((open = strchr(text->str, '(')) && (close = strchr(open, ')')))
        g_string_erase(text, open - text->str, close - open + 1);
}

/* A letter without a token would be refused, or taken for another. */
static void keep_kokoro_letters(GString *text)
{
    g_autofree char *all = g_strdup(text->str);
    g_string_truncate(text, 0);
    for (const char *p = all; *p; p = g_utf8_next_char(p))
        if (g_utf8_strchr(kokoro_letters, -1, g_utf8_get_char(p)))
            g_string_append_unichar(text, g_utf8_get_char(p));
}

static void make_kokoro(GString *text, const char *voice)
{
    change_all(text, tied);
    change_all(text, untie);
    if (is_language(voice, "en")) {
        change_all(text, english);
        change_all(text, is_language(voice, "en-gb") ? british : american);
    }
    keep_kokoro_letters(text);
}

/* @clause: without the mark at its end. Returns: (transfer full): its phonemes, perhaps none. */
static GString *read_clause(const char *clause, const char *voice, DubPhonemeSet set)
{
    GString *said = g_string_new(NULL);
    const void *rest = clause;
    for (guint i = 0; rest && i < MOST_PIECES; i++) { /* the library makes clauses of its own of what is long */
        const char *piece =
            espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, set == DUB_PHONEMES_KOKORO ? IPA_WITH_TIES : IPA);
        if (said->len && piece && *piece)
            g_string_append_c(said, ' ');
        g_string_append(said, piece ? piece : "");
    }
    if (set == DUB_PHONEMES_KOKORO)
        g_string_replace(said, TIE "(", "(", 0);
    drop_switches(said);
    if (set == DUB_PHONEMES_KOKORO)
        make_kokoro(said, voice);
    return said;
}

static int mark_rank(const char *mark)
{
    for (int i = 0; i < (int) G_N_ELEMENTS(marks); i++)
        if (g_str_equal(marks[i], mark))
            return i;
    return -1;
}

/* Returns: whether a mark between the two ends a clause: not in "3.5", "10:45" or "p.ej". */
static bool is_border(const char *mark, const char *after)
{
    if (!strchr(",.:", *mark))
        return true;
    const gunichar next = g_utf8_get_char(after);
    return !g_unichar_isalnum(next);
}

/* Returns: the length of the mark at @p in bytes, 0: there is none. @mark: (out): as marks[] has it. */
static gsize mark_at(const char *p, const char **mark)
{
    for (const Change *other = other_marks; other->from; other++)
        if (g_str_has_prefix(p, other->from)) {
            *mark = other->to;
            return strlen(other->from);
        }
    for (gsize i = 0; i < G_N_ELEMENTS(marks); i++)
        if (g_str_has_prefix(p, marks[i]) && is_border(marks[i], p + strlen(marks[i]))) {
            *mark = marks[i];
            return strlen(marks[i]);
        }
    const bool dash = g_str_has_prefix(p, " - ");
    *mark = dash ? "—" : NULL;
    return dash ? 3 : 0;
}

typedef struct {
    const char *voice;
    DubPhonemeSet set;
    GString *out;
    GString *words;      /* read since the last mark, not spoken yet */
    const char *pending; /* the greatest mark since the last clause in out */
} Reader;

static void put_mark(Reader *self)
{
    if (self->pending && g_str_equal(self->pending, "—"))
        g_string_append_c(self->out, ' '); /* a dash stands by itself */
    g_string_append(self->out, self->pending ? self->pending : "");
    self->pending = NULL;
}

static void end_clause(Reader *self)
{
    g_autoptr(GString) clause = read_clause(self->words->str, self->voice, self->set);
    g_string_truncate(self->words, 0);
    if (!clause->len)
        return;
    if (self->out->len) {
        put_mark(self);
        g_string_append_c(self->out, ' ');
    }
    g_string_append_len(self->out, clause->str, (gssize) clause->len);
}

static void take_mark(Reader *self, const char *mark)
{
    end_clause(self);
    const bool greater = !self->pending || mark_rank(mark) > mark_rank(self->pending);
    if (self->out->len && greater)
        self->pending = mark;
}

static void read_text(Reader *self, const char *text)
{
    const char *mark;
    for (const char *p = text, *next; *p; p = next) {
        const gsize length = mark_at(p, &mark);
        next = length ? p + length : g_utf8_next_char(p);
        if (length)
            take_mark(self, mark);
        else
            g_string_append_len(self->words, p, next - p);
    }
    end_clause(self);
    if (self->out->len)
        put_mark(self);
}

/* With the lock held. Returns: (transfer full): NULL: see @error. */
static GString *read_locked(const char *text, const char *language, DubPhonemeSet set, GError **error)
{
    if (!initialise(error) || !choose_voice(language, set, error))
        return NULL;
    g_autoptr(GString) words = g_string_new(NULL);
    g_autofree char *voice = usual_name(language, set);
    Reader reader = { .voice = voice, .set = set, .out = g_string_new(NULL), .words = words };
    read_text(&reader, text);
    return reader.out;
}

char *dub_phonemes(const char *text, const char *language, DubPhonemeSet set, GError **error)
{
    if (strlen(text) > DUB_PHONEMES_TEXT_MOST || !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "the text to speak is not UTF-8 or longer than %d bytes", DUB_PHONEMES_TEXT_MOST);
        return NULL;
    }
    g_mutex_lock(&lock);
    g_autoptr(GString) said = read_locked(text, language, set, error);
    g_mutex_unlock(&lock);
    if (!said)
        return NULL;
    if (set == DUB_PHONEMES_PIPER) {
        change_all(said, piper_marks);
        return g_utf8_normalize(said->str, -1, G_NORMALIZE_NFD);
    }
    if (said->len)
        g_string_prepend_c(said, ' '); /* without it Kokoro swallows the first consonant */
    return g_string_free(g_steal_pointer(&said), FALSE);
}
