/* engines/models-languages.c: which language a model's name or description means. */
#include "engines/models-private.h"

#include <string.h>

/* ISO 639: for each language with a code of two letters, the one of three letters and then that of two. */
static const char three_to_two[][6] = {
    "aaraa", "abkab", "afraf", "akaak", "amham", "araar", "argan", "asmas", "avaav", "aveae", "aymay", "azeaz", "bakba",
    "bambm", "belbe", "benbn", "bisbi", "bodbo", "bosbs", "brebr", "bulbg", "catca", "cescs", "chach", "chece", "chucu",
    "chvcv", "corkw", "cosco", "crecr", "cymcy", "danda", "deude", "divdv", "dzodz", "ellel", "engen", "epoeo", "estet",
    "euseu", "eweee", "faofo", "fasfa", "fijfj", "finfi", "frafr", "fryfy", "fulff", "glagd", "glega", "glggl", "glvgv",
    "grngn", "gujgu", "hatht", "hauha", "hbssh", "hebhe", "herhz", "hinhi", "hmoho", "hrvhr", "hunhu", "hyehy", "iboig",
    "idoio", "iiiii", "ikuiu", "ileie", "inaia", "indid", "ipkik", "islis", "itait", "javjv", "jpnja", "kalkl", "kankn",
    "kasks", "katka", "kaukr", "kazkk", "khmkm", "kikki", "kinrw", "kirky", "komkv", "konkg", "korko", "kuakj", "kurku",
    "laolo", "latla", "lavlv", "limli", "linln", "litlt", "ltzlb", "lublu", "luglg", "mahmh", "malml", "marmr", "mkdmk",
    "mlgmg", "mltmt", "monmn", "mrimi", "msams", "myamy", "nauna", "navnv", "nblnr", "ndend", "ndong", "nepne", "nldnl",
    "nnonn", "nobnb", "norno", "nyany", "ocioc", "ojioj", "orior", "ormom", "ossos", "panpa", "plipi", "polpl", "porpt",
    "pusps", "quequ", "rohrm", "ronro", "runrn", "rusru", "sagsg", "sansa", "sinsi", "slksk", "slvsl", "smese", "smosm",
    "snasn", "sndsd", "somso", "sotst", "spaes", "sqisq", "srdsc", "srpsr", "sswss", "sunsu", "swasw", "swesv", "tahty",
    "tamta", "tattt", "telte", "tgktg", "tgltl", "thath", "tirti", "tonto", "tsntn", "tsots", "tuktk", "turtr", "twitw",
    "uigug", "ukruk", "urdur", "uzbuz", "venve", "vievi", "volvo", "wlnwa", "wolwo", "xhoxh", "yidyi", "yoryo", "zhaza",
    "zhozh", "zulzu",
};

static bool is_letters(const char *text, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalpha(text[i]))
            return false;
    }
    return true;
}

/* @code: lower case, three letters */
static const char *shorter(const char *code)
{
    for (gsize i = 0; i < G_N_ELEMENTS(three_to_two); i++) {
        if (strncmp(three_to_two[i], code, 3) == 0)
            return three_to_two[i] + 3;
    }
    return NULL;
}

char *models_language(const char *code)
{
    const gsize length = strcspn(code, "-_");
    if ((length != 2 && length != 3) || !is_letters(code, length))
        return NULL;
    g_autofree char *lower = g_ascii_strdown(code, (gssize) length);
    const char *two = length == 3 ? shorter(lower) : NULL;
    return two ? g_strdup(two) : g_steal_pointer(&lower);
}

/* Words before the one that names the language. */
static const char *const families[] = { "vits", "piper", "coqui", "mimic3", "mms", "tts", NULL };

/* "es_ES" says by itself that it is a language; "es" only behind a family's name: somebody's "my-voice" is
 * not Burmese. */
static char *language_of_word(const char *word, bool after_family, bool after_mms)
{
    const gsize length = strcspn(word, "_");
    const bool with_region = word[length] && strlen(word) == length + 3 && is_letters(word + length + 1, 2);
    if (word[length] ? !with_region : !after_family)
        return NULL;
    if (length == 3 && !after_mms) { /* MMS has languages without a code of two letters; "ljs" is none */
        g_autofree char *lower = g_ascii_strdown(word, 3);
        if (!is_letters(word, 3) || !shorter(lower))
            return NULL;
    }
    return models_language(word);
}

char *models_language_of_name(const char *name)
{
    g_auto(GStrv) words = g_strsplit(name, "-", 8);
    bool after_family = false, after_mms = false;
    for (unsigned i = 0; words[i] && i < 4; i++) {
        if (g_strv_contains(families, words[i])) {
            after_family = true;
            after_mms |= strcmp(words[i], "mms") == 0;
            continue;
        }
        char *language = language_of_word(words[i], after_family, after_mms);
        if (language)
            return language;
    }
    return NULL;
}
