/* Unit tests of text/profanity and of the lists that come with airdub. */
#include "text/profanity.h"

#include <string.h>

typedef struct {
    const char *name, *language;
    DubProfanityPolicy policy;
    const char *text, *expected;
} Case;

static const Case cases[] = {
    { "keep", "en", DUB_PROFANITY_KEEP, "Oh shit!", "Oh shit!" },
    { "mask", "en", DUB_PROFANITY_MASK, "Oh shit! Shit.", "Oh s***! S***." },
    { "mask-begin-of-words", "en", DUB_PROFANITY_MASK, "fucking good", "f****** good" },
    { "mask-phrase", "en", DUB_PROFANITY_MASK, "that son of a bitch", "that s** o* a b****" },
    { "drop", "en", DUB_PROFANITY_DROP, "That was a fucking goal.", "That was a goal." },
    { "drop-first", "en", DUB_PROFANITY_DROP, "Damn, what a goal!", "What a goal!" },
    { "drop-last", "en", DUB_PROFANITY_DROP, "What a goal, damn!", "What a goal!" },
    { "drop-between-commas", "en", DUB_PROFANITY_DROP, "It is, damn, a goal.", "It is, a goal." },
    { "drop-all", "en", DUB_PROFANITY_DROP, "shit", "" },
    { "whole-words", "en", DUB_PROFANITY_MASK, "Hitchcock passes to Shitake; a classic assist",
      "Hitchcock passes to Shitake; a classic assist" },
    { "nothing", "en", DUB_PROFANITY_DROP, "Two  blanks  stay .", "Two  blanks  stay ." },
    { "spanish", "es", DUB_PROFANITY_MASK, "¡Qué mierda, coño!", "¡Qué m*****, c***!" },
    { "spanish-phrase", "es-MX", DUB_PROFANITY_DROP, "Eres un hijo de puta, tú.", "Eres un, tú." },
    { "no-list", "xx", DUB_PROFANITY_DROP, "shit", "shit" },
    { "empty", "en", DUB_PROFANITY_DROP, "", "" },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubProfanity) list = dub_profanity_load(c->language, &error);
    g_assert_no_error(error);
    g_autofree char *result = dub_profanity_apply(list, c->policy, c->text);
    g_assert_cmpstr(result, ==, c->expected);
}

static void test_policies(void)
{
    g_auto(GStrv) names = g_strsplit(DUB_PROFANITY_CHOICES, "|", -1);
    for (char **name = names; *name; name++) {
        DubProfanityPolicy policy;
        g_assert_true(dub_profanity_policy_from_string(*name, &policy));
        g_assert_cmpstr(dub_profanity_policy_to_string(policy), ==, *name);
    }
    DubProfanityPolicy policy;
    g_assert_false(dub_profanity_policy_from_string("hide", &policy));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/profanity/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/text/profanity/policies", test_policies);
    return g_test_run();
}
