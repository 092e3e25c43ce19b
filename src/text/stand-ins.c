/* text/stand-ins.c: the table, and how its words are recognised in Spanish. */
#include "text/stand-ins.h"

#define END        \
    {              \
        NULL, NULL \
    }

static const DubStandIn masculine[] = {
    { "elephant", "elefante" },
    { "crocodile", "cocodrilo" },
    { "telescope", "telescopio" },
    { "castle", "castillo" },
    { "donkey", "burro" },
    { "dinosaur", "dinosaurio" },
    { "cucumber", "pepino" },
    { "microscope", "microscopio" },
    { "camel", "camello" },
    { "refrigerator", "refrigerador" },
    { "alphabet", "alfabeto" },
    { "violin", "violín" },
    END,
};

static const DubStandIn feminine[] = {
    { "giraffe", "jirafa" },
    { "guitar", "guitarra" },
    { "butterfly", "mariposa" },
    { "carrot", "zanahoria" },
    { "lamp", "lámpara" },
    { "spider", "araña" },
    { "trumpet", "trompeta" },
    { "onion", "cebolla" },
    { "library", "biblioteca" },
    { "lentil", "lenteja" },
    { "flute", "flauta" },
    { "cherry", "cereza" },
    END,
};

static const DubStandIn verbs[] = {
    { "invent", "invent" },      { "imitate", "imit" },       { "interpret", "interpret" },
    { "improvise", "improvis" }, { "inspect", "inspeccion" }, { "decorate", "decor" },
    { "inaugurate", "inaugur" }, { "calculate", "calcul" },   END,
};

static const DubStandIn adjectives[] = {
    { "ridiculous", "ridículo" },
    { "mysterious", "misterioso" },
    { "poisonous", "venenoso" },
    { "delicious", "delicioso" },
    END,
};

static const DubStandIn adverbs[] = {
    { "elegantly", "elegantemente" }, { "politely", "cortésmente" },        { "majestically", "majestuosamente" },
    { "sincerely", "sinceramente" },  { "miraculously", "milagrosamente" }, END,
};

const DubStandIn *dub_stand_ins(DubStandInKind kind)
{
    static const DubStandIn *const tables[DUB_N_STAND_IN_KINDS] = { masculine, feminine, verbs, adjectives, adverbs };
    return tables[kind];
}

static bool is_noun(const DubStandIn *stand_in, bool is_feminine, const char *word, DubSpanishForm *form)
{
    for (unsigned plural = 0; plural < 2; plural++) {
        g_autofree char *candidate = plural ? dub_spanish_plural(stand_in->spanish) : g_strdup(stand_in->spanish);
        form->index = plural * 2 + (is_feminine ? 1 : 0);
        if (g_str_equal(candidate, word))
            return true;
    }
    return false;
}

static bool is_adjective(const DubStandIn *stand_in, const char *word, DubSpanishForm *form)
{
    for (form->index = 0; form->index < 4; form->index++) {
        g_autofree char *candidate = dub_spanish_adjective(stand_in->spanish, form->index & 1, form->index >= 2);
        if (g_str_equal(candidate, word))
            return true;
    }
    return false;
}

bool dub_stand_in_is(const DubStandIn *stand_in, DubStandInKind kind, const char *word, DubSpanishForm *form)
{
    *form = (DubSpanishForm){ .tense = DUB_SPANISH_PARTICIPLE };
    switch (kind) {
    case DUB_STAND_IN_MASCULINE: return is_noun(stand_in, false, word, form);
    case DUB_STAND_IN_FEMININE: return is_noun(stand_in, true, word, form);
    case DUB_STAND_IN_ADJECTIVE: return is_adjective(stand_in, word, form);
    case DUB_STAND_IN_VERB: return dub_spanish_find_form(stand_in->spanish, word, form);
    case DUB_STAND_IN_ADVERB: return g_str_equal(stand_in->spanish, word);
    case DUB_N_STAND_IN_KINDS: break;
    }
    return false;
}
