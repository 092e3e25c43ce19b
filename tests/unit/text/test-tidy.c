/* Unit tests of text/tidy. */
#include "text/tidy.h"

#include <string.h>

typedef struct {
    const char *name, *to, *source, *translated, *tidied;
} Case;

static const Case cases[] = {
    { "blanks", "es", NULL, "  Es   el  ganador . ", "Es el ganador." },
    { "punctuation", "es", NULL, "Dos outs , y corredores ( aquí ) : sí ;", "Dos outs, y corredores (aquí): sí;" },
    { "doubled-comma", "es", NULL, "Sí,, claro", "Sí, claro" },
    { "french-blanks", "fr", NULL, "C'est bien !", "C'est bien !" },
    { "decimal-point", "en", NULL, "It is .5 of it", "It is .5 of it" },
    { "capital", "es", "He scores.", "marca.", "Marca." },
    { "no-capital", "es", "and he scores", "y marca", "y marca" },
    { "capital-came-back", "es", "Big team wins", "el equipo Grande gana", "El equipo grande gana" },
    { "capital-of-a-name", "es", "Big Madrid wins", "el Madrid grande gana", "El Madrid grande gana" },
    { "unknown-word", "es", "The xyz", "El *xyz", "El xyz" },
    { "unknown-marks", "es", NULL, "@El #xyz (*abc)", "El xyz (abc)" },
    { "marks-of-the-text", "es", "He is #one in C#", "Es #uno en C#", "Es #uno en C#" },
    { "mark-before-a-number", "es", NULL, "#1 y 2 * 3", "#1 y 2 * 3" },
    { "exclamation", "es", NULL, "gol!", "¡Gol!" },
    { "question", "es", NULL, "Es él?", "¿Es él?" },
    { "two-sentences", "es", NULL, "Gol! Marca él. Sí?", "¡Gol! Marca él. ¿Sí?" },
    { "marked-already", "es", NULL, "¡Gol! ¿Sí?", "¡Gol! ¿Sí?" },
    { "tag", "es", NULL, "Ganaron, verdad?", "Ganaron, ¿verdad?" },
    { "name-is-no-tag", "es", NULL, "Ganaron, Jim?", "¿Ganaron, Jim?" },
    { "quoted", "es", NULL, "\"Gol!\" dijo.", "\"¡Gol!\" dijo." },
    { "many-marks", "es", NULL, "Gol!!! Qué?!", "¡Gol!!! ¿Qué?!" },
    { "english-marks", "en", NULL, "Goal!", "Goal!" },
    { "decimal-is-no-end", "es", NULL, "Son 2.5 yardas!", "¡Son 2.5 yardas!" },
    { "contractions", "es", NULL, "Va a el campo de el rey", "Va al campo del rey" },
    { "that", "es", NULL, "Aquello es un gol; veo aquello", "Eso es un gol; veo eso" },
    { "place", "es", NULL, "La bola es en la red. Son aquí.", "La bola está en la red. Están aquí." },
    { "event", "es", NULL, "La final es en Madrid; era en 1998", "La final es en Madrid; era en 1998" },
    { "name-with-an-article", "es", NULL, "Va a El Salvador", "Va a El Salvador" },
    { "great-first", "es", NULL, "Portero sumo!", "¡Gran portero!" },
    { "passive", "es", NULL, "Estuvo derribado por Smith", "Fue derribado por Smith" },
    { "state", "es", NULL, "Estuvo cansada", "Estuvo cansada" },
    { "lead-by", "es", NULL, "Dirigen por tres; están dirigiendo por dos", "Ganan por tres; están ganando por dos" },
    { "lead", "es", NULL, "Dirigen el equipo", "Dirigen el equipo" },
    { "great", "es", NULL, "Un jugador sumo y goles sumos; es sumo", "Un gran jugador y grandes goles; es genial" },
    { "great-before", "es", NULL, "Un sumo centro, los sumos goles, a lo sumo",
      "Un gran centro, los grandes goles, a lo sumo" },
    { "what-a", "es", NULL, "Qué un gol!", "¡Qué gol!" },
    { "what-a-f", "es", NULL, "Qué una parada suma!", "¡Qué gran parada!" },
    { "lets", "es", NULL, "Dejado es presionarlos", "Vamos a presionarlos" },
    { "within-a-word", "es", NULL, "Resumos aquellos", "Resumos aquellos" },
    { "variant", "es-419", NULL, "gol!", "¡Gol!" },
    { "not-spanish", "est", NULL, "aquello!", "Aquello!" },
    { "empty", "es", NULL, "", "" },
    { "only-blanks", "es", "x", "  ", "" },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autofree char *tidied = dub_tidy(c->translated, c->source, c->to);
    g_assert_cmpstr(tidied, ==, c->tidied);
    g_autofree char *again = dub_tidy(tidied, c->source, c->to);
    g_assert_cmpstr(again, ==, tidied);
}

/* Whatever is tidied stays as it is when it is tidied again. */
static void test_again(void)
{
    static const char *const pieces[] = { "gol", "Gol", "!",    "?",       "¿", "¡",     ",",      ".",    " ",
                                          " ",   " ",   "*",    "#",       "@", "es en", "qué un", "sumo", "(",
                                          ")",   "\"",  "a el", "aquello", "…", "2.5",   "'" };
    for (guint round = 0; round < 1000; round++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (gint32 n = g_test_rand_int_range(0, 12); n > 0; n--)
            g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        g_autofree char *once = dub_tidy(text->str, NULL, "es");
        g_autofree char *twice = dub_tidy(once, NULL, "es");
        if (!g_str_equal(twice, once))
            g_error("\"%s\" -> \"%s\" -> \"%s\"", text->str, once, twice);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/tidy/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/text/tidy/again", test_again);
    return g_test_run();
}
