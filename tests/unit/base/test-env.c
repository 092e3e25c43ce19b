/* Unit tests of base/env. */
#include "base/env.h"
#include "base/error.h"

#include <string.h>

typedef struct {
    char *url, *folder, *key, *mode;
    unsigned port;
    double seconds;
    bool on;
} Settings;

#define FIELD(f) offsetof(Settings, f)
static const DubEnvSpec specs[] = {
    { "URL", DUB_ENV_STRING, FIELD(url), "http://localhost", 0, 0, NULL, "where it is", false },
    { "WORKER_FOLDER|FOLDER", DUB_ENV_STRING, FIELD(folder), "/tmp", 0, 0, NULL, "where files go", false },
    { "API_KEY", DUB_ENV_STRING, FIELD(key), NULL, 0, 0, NULL, "who we are", true },
    { "MODE", DUB_ENV_CHOICE, FIELD(mode), "pause", 0, 0, "pause|fixed", "how it cuts", false },
    { "PORT", DUB_ENV_UINT, FIELD(port), "8080", 1, 65535, NULL, "where it listens", false },
    { "SECONDS", DUB_ENV_DOUBLE, FIELD(seconds), "6", 0.1, 30, NULL, "how long", false },
    { "ENABLED", DUB_ENV_BOOL, FIELD(on), "true", 0, 0, NULL, "whether", false },
};

typedef struct {
    const char *name, *setting; /* "NAME=value" */
    const char *error;          /* NULL: accepted */
} Case;

static const Case cases[] = {
    { "port-high", "PORT=70000", "PORT: 70000 is not within 1 and 65535" },
    { "port-zero", "PORT=0", "PORT: 0 is not within 1 and 65535" },
    { "port-beyond-32-bits", "PORT=99999999999999", "PORT: 99999999999999 is not within 1 and 65535" },
    { "port-negative", "PORT=-1", "PORT: -1 is not a whole number" },
    { "port-text", "PORT=http", "PORT: http is not a whole number" },
    { "port-space", "PORT= 80", "PORT:  80 is not a whole number" },
    { "seconds-low", "SECONDS=0", "SECONDS: 0 is not within 0.1 and 30" },
    { "seconds-text", "SECONDS=6s", "SECONDS: 6s is not a number" },
    { "seconds-nan", "SECONDS=nan", "SECONDS: nan is not a number" },
    { "bool-text", "ENABLED=maybe", "ENABLED: maybe is not true or false" },
    { "choice-text", "MODE=often", "MODE: often is not one of pause, fixed" },
    { "choice-case", "MODE=FIXED", NULL },
    { "bool-off", "ENABLED=off", NULL },
    { "empty-is-unset", "PORT=", NULL },
};

static void test_case(const void *data)
{
    const Case *c = data;
    char *environment[] = { (char *) c->setting, NULL };
    Settings settings = { 0 };
    g_autoptr(GError) error = NULL;
    const bool ok = dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, &error);
    g_assert_cmpstr(error ? error->message : NULL, ==, c->error);
    g_assert_true(ok == !c->error);
    if (!ok) {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_null(settings.url);
    }
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
}

static void test_defaults(void)
{
    char *environment[] = { NULL };
    Settings settings = { 0 };
    g_assert_true(dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, NULL));
    g_assert_cmpstr(settings.url, ==, "http://localhost");
    g_assert_null(settings.key);
    g_assert_cmpstr(settings.mode, ==, "pause");
    g_assert_cmpuint(settings.port, ==, 8080);
    g_assert_cmpfloat(settings.seconds, ==, 6);
    g_assert_true(settings.on);
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
    g_assert_null(settings.url);
}

static void test_values(void)
{
    char *environment[] = { (char *) "FOLDER=/second", (char *) "MODE=FIXED", (char *) "SECONDS=0.5",
                            (char *) "ENABLED=No", (char *) "PORT=1", NULL };
    Settings settings = { 0 };
    g_assert_true(dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, NULL));
    g_assert_cmpstr(settings.folder, ==, "/second");
    g_assert_cmpstr(settings.mode, ==, "fixed");
    g_assert_cmpfloat(settings.seconds, ==, 0.5);
    g_assert_false(settings.on);
    g_assert_cmpuint(settings.port, ==, 1);
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
}

static void test_first_name_wins(void)
{
    char *environment[] = { (char *) "FOLDER=/second", (char *) "WORKER_FOLDER=/first", NULL };
    Settings settings = { 0 };
    g_assert_true(dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, NULL));
    g_assert_cmpstr(settings.folder, ==, "/first");
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
}

static void test_help_names_each(void)
{
    g_autofree char *help = dub_env_help(specs, G_N_ELEMENTS(specs));
    static const char *const wanted[] = { "WORKER_FOLDER, FOLDER", "where files go", "[8080] (1…65535)",
                                          "(pause|fixed)", "[http://localhost]" };
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_nonnull(strstr(help, wanted[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/base/env/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/base/env/defaults", test_defaults);
    g_test_add_func("/base/env/values", test_values);
    g_test_add_func("/base/env/first-name-wins", test_first_name_wins);
    g_test_add_func("/base/env/help-names-each", test_help_names_each);
    return g_test_run();
}
