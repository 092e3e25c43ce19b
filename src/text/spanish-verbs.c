/* text/spanish-verbs.c: the forms of Spanish verbs: regular endings, the changes that spelling asks for, and
 * the verbs that games are told with and that follow no rule. */
#include "text/spanish.h"
#include "text/words.h"

#include <string.h>

#define N_PERSONS 6

/* The regular endings. Classes: -ar, -er, -ir. */
static const char *const present[3][N_PERSONS] = { { "o", "as", "a", "amos", "áis", "an" },
                                                   { "o", "es", "e", "emos", "éis", "en" },
                                                   { "o", "es", "e", "imos", "ís", "en" } };
static const char *const preterite[2][N_PERSONS] = { { "é", "aste", "ó", "amos", "asteis", "aron" },
                                                     { "í", "iste", "ió", "imos", "isteis", "ieron" } };
static const char *const strong_preterite[N_PERSONS] = { "e", "iste", "o", "imos", "isteis", "ieron" };
static const char *const imperfect[2][N_PERSONS] = { { "aba", "abas", "aba", "ábamos", "abais", "aban" },
                                                     { "ía", "ías", "ía", "íamos", "íais", "ían" } };
static const char *const future[N_PERSONS] = { "é", "ás", "á", "emos", "éis", "án" };
static const char *const conditional[N_PERSONS] = { "ía", "ías", "ía", "íamos", "íais", "ían" };
static const char *const subjunctive[2][N_PERSONS] = { { "e", "es", "e", "emos", "éis", "en" },
                                                       { "a", "as", "a", "amos", "áis", "an" } };
static const char *const subjunctive_past[N_PERSONS] = { "ra", "ras", "ra", "ramos", "rais", "ran" };
static const char *const participles[4] = { "o", "a", "os", "as" };
static const char *const enclitics[] = { "lo", "la", "los", "las", "le", "les", "me", "te", "se", "nos", "os" };
static const char *const reflexives[N_PERSONS] = { "me", "te", "se", "nos", "os", "se" };

/* What of a verb is not regular; NULL where it is. A verb is found by its ending, or, with '=' before, as a
 * whole. */
typedef struct {
    const char *verb;
    const char *change;           /* of the last vowel under stress, "e>ie"; in -ir verbs weakly too */
    const char *first;            /* "tengo": the present's first person; the subjunctive follows it */
    const char *preterite;        /* the strong stem, "tuv" */
    const char *future;           /* "tendr" */
    const char *participle;       /* "hecho", without the o */
    const char *present;          /* all six, by blanks */
    const char *preterite_all;    /* all six */
    const char *imperfect_stem;   /* "ib": with -a … */
    const char *subjunctive_stem; /* "se": with -a … */
} Irregular;

static const Irregular irregular[] = {
    { .verb = "=ser",
      .present = "soy eres es somos sois son",
      .preterite_all = "fui fuiste fue fuimos fuisteis fueron",
      .imperfect_stem = "er",
      .subjunctive_stem = "se" },
    { .verb = "=ir",
      .present = "voy vas va vamos vais van",
      .preterite_all = "fui fuiste fue fuimos fuisteis fueron",
      .imperfect_stem = "ib",
      .subjunctive_stem = "vay" },
    { .verb = "=estar", .present = "estoy estás está estamos estáis están", .preterite = "estuv" },
    { .verb = "=dar", .present = "doy das da damos dais dan", .preterite_all = "di diste dio dimos disteis dieron" },
    { .verb = "=ver",
      .first = "veo",
      .present = "veo ves ve vemos veis ven",
      .participle = "vist",
      .preterite_all = "vi viste vio vimos visteis vieron",
      .imperfect_stem = "veí" },
    { .verb = "=andar", .preterite = "anduv" },
    { .verb = "=saber",
      .present = "sé sabes sabe sabemos sabéis saben",
      .preterite = "sup",
      .future = "sabr",
      .subjunctive_stem = "sep" },
    { .verb = "=poder", .change = "o>ue", .preterite = "pud", .future = "podr" },
    { .verb = "=jugar", .change = "u>ue" },
    { .verb = "querer", .change = "e>ie", .preterite = "quis", .future = "querr" },
    { .verb = "tener", .change = "e>ie", .first = "tengo", .preterite = "tuv", .future = "tendr" },
    { .verb = "venir", .change = "e>ie", .first = "vengo", .preterite = "vin", .future = "vendr" },
    { .verb = "poner", .first = "pongo", .preterite = "pus", .future = "pondr", .participle = "puest" },
    { .verb = "hacer", .first = "hago", .preterite = "hic", .future = "har", .participle = "hech" },
    { .verb = "decir", .change = "e>i", .first = "digo", .preterite = "dij", .future = "dir", .participle = "dich" },
    { .verb = "salir", .first = "salgo", .future = "saldr" },
    { .verb = "valer", .first = "valgo", .future = "valdr" },
    { .verb = "caer", .first = "caigo" },
    { .verb = "traer", .first = "traigo", .preterite = "traj" },
    { .verb = "ducir", .preterite = "duj" },
    { .verb = "volver", .change = "o>ue", .participle = "vuelt" },
    { .verb = "resolver", .change = "o>ue", .participle = "resuelt" },
    { .verb = "romper", .participle = "rot" },
    { .verb = "abrir", .participle = "abiert" },
    { .verb = "cubrir", .participle = "cubiert" },
    { .verb = "escribir", .participle = "escrit" },
    { .verb = "morir", .change = "o>ue", .participle = "muert" },
    { .verb = "dormir", .change = "o>ue" },
    { .verb = "mover", .change = "o>ue" },
    { .verb = "morder", .change = "o>ue" },
    { .verb = "contar", .change = "o>ue" },
    { .verb = "contrar", .change = "o>ue" },
    { .verb = "probar", .change = "o>ue" },
    { .verb = "mostrar", .change = "o>ue" },
    { .verb = "soltar", .change = "o>ue" },
    { .verb = "cordar", .change = "o>ue" },
    { .verb = "colgar", .change = "o>ue" },
    { .verb = "volar", .change = "o>ue" },
    { .verb = "costar", .change = "o>ue" },
    { .verb = "forzar", .change = "o>ue" },
    { .verb = "=rodar", .change = "o>ue" },
    { .verb = "perder", .change = "e>ie" },
    { .verb = "=defender", .change = "e>ie" },
    { .verb = "cender", .change = "e>ie" }, /* ascender, descender, encender */
    { .verb = "tender", .change = "e>ie" },
    { .verb = "=cerrar", .change = "e>ie" },
    { .verb = "encerrar", .change = "e>ie" },
    { .verb = "comenzar", .change = "e>ie" },
    { .verb = "empezar", .change = "e>ie" },
    { .verb = "tropezar", .change = "e>ie" },
    { .verb = "calentar", .change = "e>ie" },
    { .verb = "acertar", .change = "e>ie" },
    { .verb = "=apretar", .change = "e>ie" },
    { .verb = "=sentar", .change = "e>ie" },
    { .verb = "=pensar", .change = "e>ie" },
    { .verb = "=negar", .change = "e>ie" },
    { .verb = "sentir", .change = "e>ie" },
    { .verb = "ferir", .change = "e>ie" },
    { .verb = "herir", .change = "e>ie" },
    { .verb = "vertir", .change = "e>ie" },
    { .verb = "pedir", .change = "e>i" },
    { .verb = "medir", .change = "e>i" },
    { .verb = "servir", .change = "e>i" },
    { .verb = "petir", .change = "e>i" },
    { .verb = "seguir", .change = "e>i" },
    { .verb = "elegir", .change = "e>i" },
    { .verb = "regir", .change = "e>i" },
    { .verb = "vestir", .change = "e>i" },
    /* with an accent under stress */
    { .verb = "=enviar", .change = "i>í" },
    { .verb = "=desviar", .change = "i>í" },
    { .verb = "=ampliar", .change = "i>í" },
    { .verb = "=guiar", .change = "i>í" },
    { .verb = "=confiar", .change = "i>í" },
    { .verb = "=variar", .change = "i>í" },
    { .verb = "=enfriar", .change = "i>í" },
    { .verb = "tuar", .change = "u>ú" }, /* puntuar, situar, efectuar */
    { .verb = "nuar", .change = "u>ú" }, /* continuar */
};

typedef struct {
    char *stem;    /* without the infinitive's ending */
    unsigned kind; /* 0: -ar, 1: -er, 2: -ir */
    const Irregular *irregular;
    char *prefix; /* what stands before the row's verb: "man" of "mantener"; the row's own stems follow it */
} Verb;

static void verb_clear(Verb *self)
{
    g_free(self->stem);
    g_free(self->prefix);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verb, verb_clear)

static const Irregular regular = { .verb = "" };

static const Irregular *find_irregular(const char *infinitive)
{
    for (gsize i = 0; i < G_N_ELEMENTS(irregular); i++) {
        const char *verb = irregular[i].verb;
        if (*verb == '=' ? g_str_equal(infinitive, verb + 1) : g_str_has_suffix(infinitive, verb))
            return &irregular[i];
    }
    return &regular;
}

/* @infinitive: one word without -se */
static bool verb_init(Verb *self, const char *infinitive)
{
    static const char *const endings[] = { "ar", "er", "ir" };
    for (unsigned kind = 0; kind < G_N_ELEMENTS(endings); kind++) {
        if (!g_str_has_suffix(infinitive, endings[kind]) || (strlen(infinitive) < 3 && kind != 2))
            continue;
        self->kind = kind;
        self->stem = g_strndup(infinitive, strlen(infinitive) - 2);
        self->irregular = find_irregular(infinitive);
        const char *row = self->irregular->verb;
        self->prefix = g_strndup(infinitive, strlen(infinitive) - strlen(row) + (*row == '=' ? 1 : 0));
        return true;
    }
    return false;
}

static bool is_front(const char *ending)
{
    const gunichar c = g_utf8_get_char(ending);
    return c == 'e' || c == 'i' || c == 0xe9 || c == 0xed;
}

static bool ends_in_vowel(const char *text)
{
    const gsize n = strlen(text);
    return n > 0 && strchr("aeiou", text[n - 1]) != NULL;
}

typedef struct {
    const char *kinds; /* of verbs: "a" for -ar, "ei" for the others */
    bool front;        /* before e and i, or before a and o */
    const char *ending, *instead;
} Spelling;

/* The first row that fits. */
static const Spelling spellings[] = {
    { "a", true, "gu", "gü" },  { "a", true, "c", "qu" },  { "a", true, "g", "gu" },   { "a", true, "z", "c" },
    { "ei", false, "gu", "g" }, { "ei", false, "g", "j" }, { "ei", false, "qu", "c" },
};

/* Joins them as they are spelt: "marc" + "é" is "marqué", "dirig" + "o" is "dirijo", "venc" + "o" is "venzo".
 */
static char *join(const Verb *verb, const char *stem, const char *ending)
{
    const char kind = "aei"[verb->kind];
    for (gsize i = 0; i < G_N_ELEMENTS(spellings); i++) {
        const Spelling *row = &spellings[i];
        if (strchr(row->kinds, kind) && row->front == is_front(ending) && g_str_has_suffix(stem, row->ending))
            return g_strdup_printf("%.*s%s%s", (int) (strlen(stem) - strlen(row->ending)), stem, row->instead, ending);
    }
    if (kind != 'a' && !is_front(ending) && g_str_has_suffix(stem, "c")) {
        g_autofree char *before = g_strndup(stem, strlen(stem) - 1);
        return g_strconcat(before, ends_in_vowel(before) ? "zc" : "z", ending, NULL);
    }
    return g_strconcat(stem, ending, NULL);
}

/* Exchanges the stem's last @from for @to. */
static char *exchange_vowel(const char *stem, char from, const char *to)
{
    const char *place = strrchr(stem, from);
    if (!place)
        return g_strdup(stem);
    g_autofree char *before = g_strndup(stem, (gsize) (place - stem));
    return g_strconcat(before, to, place + 1, NULL);
}

/* The stem under stress. */
static char *strong_stem(const Verb *verb)
{
    const char *change = verb->irregular->change;
    return change ? exchange_vowel(verb->stem, change[0], change + 2) : g_strdup(verb->stem);
}

/* -ir verbs that change under stress change a little elsewhere too: "sirvió", "convirtió", "durmió". */
static char *weak_stem(const Verb *verb)
{
    const char *change = verb->irregular->change;
    if (verb->kind != 2 || !change || (change[0] != 'e' && change[0] != 'o'))
        return g_strdup(verb->stem);
    return exchange_vowel(verb->stem, change[0], change[0] == 'e' ? "i" : "u");
}

/* construir, sustituir; not seguir, whose u is mute */
static bool inserts_y(const Verb *verb)
{
    return verb->kind == 2 && g_str_has_suffix(verb->stem, "u") && !g_str_has_suffix(verb->stem, "gu") &&
           !g_str_has_suffix(verb->stem, "qu");
}

static char *word_of(const char *six, unsigned person)
{
    g_auto(GStrv) words = g_strsplit(six, " ", N_PERSONS);
    return g_strdup(words[person]);
}

static bool is_stressed_on_stem(unsigned person)
{
    return person != 3 && person != 4;
}

static char *conjugate_present(const Verb *verb, unsigned person)
{
    if (verb->irregular->present)
        return word_of(verb->irregular->present, person);
    if (person == 0 && verb->irregular->first)
        return g_strconcat(verb->prefix, verb->irregular->first, NULL);
    g_autofree char *stem = is_stressed_on_stem(person) ? strong_stem(verb) : g_strdup(verb->stem);
    const char *ending = present[verb->kind][person];
    if (inserts_y(verb) && is_stressed_on_stem(person)) {
        g_autofree char *longer = g_strconcat(stem, "y", NULL);
        return join(verb, longer, ending);
    }
    return join(verb, stem, ending);
}

/* "leyó", "cayeron", "sustituyó": i between vowels is written y, or takes an accent. */
static char *join_after_vowel(const char *stem, const char *ending)
{
    if (g_str_has_prefix(ending, "ió") || g_str_has_prefix(ending, "ie"))
        return g_strconcat(stem, "y", ending + 1, NULL);
    if (*ending == 'i' && !g_str_has_suffix(stem, "u"))
        return g_strconcat(stem, "í", ending + 1, NULL);
    return g_strconcat(stem, ending, NULL);
}

static char *strong_preterite_of(const Verb *verb, unsigned person)
{
    const char *stem = verb->irregular->preterite;
    const char *ending = strong_preterite[person];
    if (g_str_has_suffix(stem, "j") && person == 5)
        ending = "eron";
    if (g_str_equal(stem, "hic") && person == 2)
        return g_strconcat(verb->prefix, "hizo", NULL);
    return g_strconcat(verb->prefix, stem, ending, NULL);
}

static char *conjugate_preterite(const Verb *verb, unsigned person)
{
    if (verb->irregular->preterite_all)
        return word_of(verb->irregular->preterite_all, person);
    if (verb->irregular->preterite)
        return strong_preterite_of(verb, person);
    const char *ending = preterite[verb->kind ? 1 : 0][person];
    g_autofree char *stem = person == 2 || person == 5 ? weak_stem(verb) : g_strdup(verb->stem);
    if (verb->kind && ends_in_vowel(stem) && !g_str_has_suffix(stem, "gu") && !g_str_has_suffix(stem, "qu"))
        return join_after_vowel(stem, ending);
    return join(verb, stem, ending);
}

static char *conjugate_imperfect(const Verb *verb, unsigned person)
{
    const char *own = verb->irregular->imperfect_stem;
    if (!own)
        return g_strconcat(verb->stem, imperfect[verb->kind ? 1 : 0][person], NULL);
    if (person == 3 && !g_str_has_suffix(own, "í"))
        return g_strdup(g_str_equal(own, "er") ? "éramos" : "íbamos");
    return g_strconcat(own, person == 4 ? "ais" : subjunctive[1][person], NULL);
}

static char *conjugate_future(const Verb *verb, const char *ending)
{
    static const char *const endings[] = { "ar", "er", "ir" };
    if (verb->irregular->future)
        return g_strconcat(verb->prefix, verb->irregular->future, ending, NULL);
    return g_strconcat(verb->stem, endings[verb->kind], ending, NULL);
}

/* Of the present's first person, without its o: "teng", "conozc". */
static char *subjunctive_stem_of(const Verb *verb)
{
    g_autofree char *first = conjugate_present(verb, 0);
    return g_strndup(first, strlen(first) - 1);
}

static bool has_first_of_its_own(const Verb *verb)
{
    return verb->irregular->first != NULL || inserts_y(verb);
}

static char *conjugate_subjunctive(const Verb *verb, unsigned person)
{
    const char *ending = subjunctive[verb->kind ? 1 : 0][person];
    if (verb->irregular->subjunctive_stem)
        return g_strconcat(verb->irregular->subjunctive_stem, ending, NULL);
    if (g_str_equal(verb->irregular->verb, "=estar") || g_str_equal(verb->irregular->verb, "=dar")) {
        static const char *const dar[] = { "dé", "des", "dé", "demos", "deis", "den" };
        static const char *const estar[] = { "esté", "estés", "esté", "estemos", "estéis", "estén" };
        return g_strdup(g_str_equal(verb->irregular->verb, "=dar") ? dar[person] : estar[person]);
    }
    if (has_first_of_its_own(verb)) {
        g_autofree char *stem = subjunctive_stem_of(verb);
        return g_strconcat(stem, ending, NULL);
    }
    g_autofree char *stem = is_stressed_on_stem(person) ? strong_stem(verb) : weak_stem(verb);
    return join(verb, stem, ending);
}

/* From the preterite's last person: "tuvieron", "tuviera", "tuviéramos". */
static char *conjugate_subjunctive_past(const Verb *verb, unsigned person)
{
    g_autofree char *they = conjugate_preterite(verb, 5);
    g_autofree char *stem = g_strndup(they, strlen(they) - strlen("ron"));
    if (person != 3)
        return g_strconcat(stem, subjunctive_past[person], NULL);
    const bool is_a = g_str_has_suffix(stem, "a");
    return g_strdup_printf("%.*s%s%s", (int) strlen(stem) - 1, stem, is_a ? "á" : "é", subjunctive_past[person]);
}

static char *gerund_of(const Verb *verb)
{
    if (verb->kind == 0)
        return g_strconcat(verb->stem, "ando", NULL);
    if (g_str_equal(verb->irregular->verb, "=ir"))
        return g_strdup("yendo");
    if (g_str_equal(verb->irregular->verb, "=poder"))
        return g_strdup("pudiendo");
    g_autofree char *stem = weak_stem(verb);
    if (g_str_equal(verb->irregular->verb, "venir"))
        return g_strconcat(stem, "iendo", NULL);
    if (ends_in_vowel(stem) && !g_str_has_suffix(stem, "gu") && !g_str_has_suffix(stem, "qu"))
        return g_strconcat(stem, "yendo", NULL);
    return g_strconcat(stem, "iendo", NULL);
}

static char *participle_of(const Verb *verb, unsigned index)
{
    if (verb->irregular->participle)
        return g_strconcat(verb->prefix, verb->irregular->participle, participles[index], NULL);
    const char *vowel = verb->kind == 0 ? "ad" : "id";
    if (verb->kind && ends_in_vowel(verb->stem) && !g_str_has_suffix(verb->stem, "u"))
        vowel = "íd"; /* caído */
    return g_strconcat(verb->stem, vowel, participles[index], NULL);
}

static char *conjugate_tense(const Verb *verb, const DubSpanishForm *form)
{
    switch (form->tense) {
    case DUB_SPANISH_INFINITIVE: {
        static const char *const endings[] = { "ar", "er", "ir" };
        return g_strconcat(verb->stem, endings[verb->kind], NULL);
    }
    case DUB_SPANISH_GERUND: return gerund_of(verb);
    case DUB_SPANISH_PARTICIPLE: return participle_of(verb, form->index);
    case DUB_SPANISH_PRESENT: return conjugate_present(verb, form->index);
    case DUB_SPANISH_PRETERITE: return conjugate_preterite(verb, form->index);
    case DUB_SPANISH_IMPERFECT: return conjugate_imperfect(verb, form->index);
    case DUB_SPANISH_FUTURE: return conjugate_future(verb, future[form->index]);
    case DUB_SPANISH_CONDITIONAL: return conjugate_future(verb, conditional[form->index]);
    case DUB_SPANISH_SUBJUNCTIVE: return conjugate_subjunctive(verb, form->index);
    case DUB_SPANISH_SUBJUNCTIVE_PAST: return conjugate_subjunctive_past(verb, form->index);
    case DUB_N_SPANISH_TENSES: break;
    }
    return NULL;
}

/* "rematando" + "lo" is "rematándolo". */
static char *attach(const char *word, const char *enclitic, DubSpanishTense tense)
{
    if (tense != DUB_SPANISH_GERUND || !*enclitic)
        return g_strconcat(word, enclitic, NULL);
    const bool is_a = g_str_has_suffix(word, "ando");
    return g_strdup_printf("%.*s%sndo%s", (int) (strlen(word) - strlen("ando")), word, is_a ? "á" : "é", enclitic);
}

static bool is_finite(DubSpanishTense tense)
{
    return tense >= DUB_SPANISH_PRESENT;
}

/* @pronoun: the verb's own ("lesionarse", "ponerlo"), or NULL; it stands before a finite form and at the end
 * of the others. */
static char *join_pronouns(const char *word, const DubSpanishForm *form, const char *pronoun)
{
    if (!pronoun || form->tense == DUB_SPANISH_PARTICIPLE)
        return attach(word, form->enclitic, form->tense);
    if (!is_finite(form->tense))
        return attach(word, pronoun, form->tense);
    return g_strconcat(g_str_equal(pronoun, "se") ? reflexives[form->index] : pronoun, " ", word, NULL);
}

/* Returns: (transfer full): the first word without its pronoun. @pronoun: (out): NULL for none */
static char *infinitive_of(const char *phrase, const char **pronoun)
{
    char *word = g_strndup(phrase, strcspn(phrase, " "));
    *pronoun = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(enclitics); i++) {
        g_autofree char *ending = g_strconcat("r", enclitics[i], NULL);
        if (!g_str_has_suffix(word, ending))
            continue;
        word[strlen(word) - strlen(enclitics[i])] = '\0';
        *pronoun = enclitics[i];
        break;
    }
    return word;
}

char *dub_spanish_conjugate(const char *phrase, const DubSpanishForm *form)
{
    const char *pronoun;
    g_autofree char *infinitive = infinitive_of(phrase, &pronoun);
    g_auto(Verb) verb = { 0 };
    if (!verb_init(&verb, infinitive))
        return NULL;
    g_autofree char *word = conjugate_tense(&verb, form);
    g_autofree char *whole = join_pronouns(word, form, pronoun);
    return g_strconcat(whole, phrase + strcspn(phrase, " "), NULL);
}

bool dub_spanish_is_verb(const char *phrase)
{
    const char *pronoun;
    g_autofree char *infinitive = infinitive_of(phrase, &pronoun);
    g_auto(Verb) verb = { 0 };
    return verb_init(&verb, infinitive);
}

unsigned dub_spanish_tense_size(DubSpanishTense tense)
{
    if (tense < DUB_SPANISH_PARTICIPLE)
        return 1;
    return tense == DUB_SPANISH_PARTICIPLE ? G_N_ELEMENTS(participles) : N_PERSONS;
}

static bool is_form(const char *infinitive, const char *word, const DubSpanishForm *form)
{
    g_autofree char *candidate = dub_spanish_conjugate(infinitive, form);
    return g_strcmp0(candidate, word) == 0;
}

static bool find_enclitic(const char *infinitive, const char *word, DubSpanishForm *form)
{
    for (DubSpanishTense tense = DUB_SPANISH_INFINITIVE; tense <= DUB_SPANISH_GERUND; tense++)
        for (gsize i = 0; i < G_N_ELEMENTS(enclitics); i++) {
            *form = (DubSpanishForm){ .tense = tense };
            g_strlcpy(form->enclitic, enclitics[i], sizeof form->enclitic);
            if (is_form(infinitive, word, form))
                return true;
        }
    return false;
}

bool dub_spanish_find_form(const char *stem, const char *word, DubSpanishForm *form)
{
    if (!g_str_has_prefix(word, stem))
        return false;
    g_autofree char *infinitive = g_strconcat(stem, "ar", NULL);
    for (DubSpanishTense tense = 0; tense < DUB_N_SPANISH_TENSES; tense++)
        for (unsigned index = 0; index < dub_spanish_tense_size(tense); index++) {
            *form = (DubSpanishForm){ .tense = tense, .index = index };
            if (is_form(infinitive, word, form))
                return true;
        }
    return find_enclitic(infinitive, word, form);
}
