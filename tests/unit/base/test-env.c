/* Unit tests of base/env. */
#include "base/env.h"
#include "base/error.h"

#include <glib/gstdio.h>
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
                            (char *) "ENABLED=No",     (char *) "PORT=1",     NULL };
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

/* ---- secrets from files ---- */

typedef struct {
    const char *name;
    const char *content; /* NULL: no file */
    gsize length;        /* 0: as long as the string */
    const char *error;   /* its end; NULL: accepted */
} FileCase;

static const FileCase file_cases[] = {
    { "line", "secret\n", 0, NULL },
    { "no-line-break", "secret", 0, NULL },
    { "windows", "secret\r\n", 0, NULL },
    { "missing", NULL, 0, ": No such file or directory" },
    { "empty", "", 0, ": an empty file" },
    { "blank-line", "\n", 0, ": an empty file" },
    { "binary", "sec\0ret", 7, ": a NUL byte in it, so it is no text" },
};

typedef struct {
    char *folder, *path;
} File;

static File *file_new(const char *content, gssize length)
{
    File *self = g_new0(File, 1);
    self->folder = g_dir_make_tmp("airdub-env-XXXXXX", NULL);
    g_assert_nonnull(self->folder);
    self->path = g_build_filename(self->folder, "key", NULL);
    if (content)
        g_assert_true(g_file_set_contents(self->path, content, length, NULL));
    return self;
}

static void file_free(File *self)
{
    g_remove(self->path);
    g_rmdir(self->folder);
    g_free(self->folder);
    g_free(self->path);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(File, file_free)

/* Returns: (transfer full): the error's message, or NULL; *key (transfer full) */
static char *load_key(char **environment, char **key)
{
    Settings settings = { 0 };
    g_autoptr(GError) error = NULL;
    const bool ok = dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, &error);
    g_assert_true(ok == !error);
    if (error)
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    *key = g_strdup(settings.key);
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
    return error ? g_strdup(error->message) : NULL;
}

static void test_file(const void *data)
{
    const FileCase *c = data;
    g_autoptr(File) file = file_new(c->content, c->length ? (gssize) c->length : -1);
    g_autofree char *setting = g_strconcat("API_KEY_FILE=", file->path, NULL);
    char *environment[] = { setting, NULL };
    g_autofree char *key = NULL;
    g_autofree char *error = load_key(environment, &key);
    g_autofree char *wanted = c->error ? g_strconcat("API_KEY_FILE: ", file->path, c->error, NULL) : NULL;
    g_assert_cmpstr(error, ==, wanted);
    g_assert_cmpstr(key, ==, c->error ? NULL : "secret");
}

static void test_file_bound(void)
{
    g_autofree char *most = g_strnfill(DUB_ENV_SECRET_MOST_BYTES + 1, 'k');
    g_autoptr(File) file = file_new(most, DUB_ENV_SECRET_MOST_BYTES);
    g_autofree char *setting = g_strconcat("API_KEY_FILE=", file->path, NULL);
    char *environment[] = { setting, NULL };
    g_autofree char *key = NULL, *none = NULL, *endless = NULL;
    g_assert_null(load_key(environment, &key));
    g_assert_cmpuint(strlen(key), ==, DUB_ENV_SECRET_MOST_BYTES);

    g_assert_true(g_file_set_contents(file->path, most, -1, NULL));
    g_autofree char *error = load_key(environment, &none);
    g_assert_nonnull(strstr(error, "more than 65536 bytes"));

    char *zeros[] = { (char *) "API_KEY_FILE=/dev/zero", NULL };
    g_autofree char *error_of_zeros = load_key(zeros, &endless);
    g_assert_nonnull(strstr(error_of_zeros, "/dev/zero: more than 65536 bytes"));
}

static void test_file_is_folder(void)
{
    char *environment[] = { (char *) "API_KEY_FILE=/", NULL };
    g_autofree char *key = NULL;
    g_autofree char *error = load_key(environment, &key);
    g_assert_cmpstr(error, ==, "API_KEY_FILE: /: Is a directory");
}

static void test_file_and_variable(void)
{
    char *environment[] = { (char *) "API_KEY=one", (char *) "API_KEY_FILE=/nowhere", NULL };
    g_autofree char *key = NULL;
    g_autofree char *error = load_key(environment, &key);
    g_assert_cmpstr(error, ==, "API_KEY and API_KEY_FILE are both set; leave one out");

    g_autofree char *unset = NULL;
    char *empty[] = { (char *) "API_KEY=one", (char *) "API_KEY_FILE=", NULL };
    g_assert_null(load_key(empty, &unset));
    g_assert_cmpstr(unset, ==, "one");
}

/* A file is for secrets: other rows have none. */
static void test_file_of_no_secret(void)
{
    char *environment[] = { (char *) "URL_FILE=/nowhere", NULL };
    g_autofree char *key = NULL;
    g_assert_null(load_key(environment, &key));
}

static void test_secret_alone(void)
{
    g_autoptr(File) file = file_new("secret\n", -1);
    g_autofree char *setting = g_strconcat("TOKEN_FILE=", file->path, NULL);
    char *environment[] = { setting, NULL };
    g_autofree char *secret = NULL, *other = NULL;
    g_assert_true(dub_env_secret("TOKEN", environment, &secret, NULL));
    g_assert_cmpstr(secret, ==, "secret");
    g_assert_true(dub_env_secret("OTHER", environment, &other, NULL));
    g_assert_null(other);

    char *wrong[] = { (char *) "TOKEN_FILE=/nowhere", NULL };
    g_autoptr(GError) error = NULL;
    g_assert_false(dub_env_secret("TOKEN", wrong, &other, &error));
    g_assert_cmpstr(error->message, ==, "TOKEN_FILE: /nowhere: No such file or directory");
    g_assert_null(other);
}

static void test_two_names_of_a_secret(void)
{
    static const DubEnvSpec two[] = {
        { "NEW_KEY|OLD_KEY", DUB_ENV_STRING, FIELD(key), NULL, 0, 0, NULL, "who we are", true },
    };
    g_autoptr(File) file = file_new("secret", -1);
    g_autofree char *by_old = g_strconcat("OLD_KEY_FILE=", file->path, NULL);
    g_autofree char *by_new = g_strconcat("NEW_KEY_FILE=", file->path, NULL);
    char *environment[] = { by_old, NULL, NULL };
    Settings settings = { 0 };
    g_assert_true(dub_env_load(two, 1, &settings, environment, NULL));
    g_assert_cmpstr(settings.key, ==, "secret");
    dub_env_clear(two, 1, &settings);

    environment[1] = by_new;
    g_autoptr(GError) error = NULL;
    g_assert_false(dub_env_load(two, 1, &settings, environment, &error));
    g_assert_cmpstr(error->message, ==, "NEW_KEY_FILE and OLD_KEY_FILE are both set; leave one out");
}

static void test_help_names_each(void)
{
    g_autofree char *help = dub_env_help(specs, G_N_ELEMENTS(specs));
    static const char *const wanted[] = { "WORKER_FOLDER, FOLDER", "where files go",     "[8080] (1…65535)",
                                          "(pause|fixed)",         "[http://localhost]", "API_KEY, API_KEY_FILE" };
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
    for (gsize i = 0; i < G_N_ELEMENTS(file_cases); i++) {
        g_autofree char *path = g_strdup_printf("/base/env/secret-file/%s", file_cases[i].name);
        g_test_add_data_func(path, &file_cases[i], test_file);
    }
    g_test_add_func("/base/env/secret-file/bound", test_file_bound);
    g_test_add_func("/base/env/secret-file/folder", test_file_is_folder);
    g_test_add_func("/base/env/secret-file/both", test_file_and_variable);
    g_test_add_func("/base/env/secret-file/no-secret", test_file_of_no_secret);
    g_test_add_func("/base/env/secret-file/alone", test_secret_alone);
    g_test_add_func("/base/env/secret-file/two-names", test_two_names_of_a_secret);
    g_test_add_func("/base/env/help-names-each", test_help_names_each);
    return g_test_run();
}
