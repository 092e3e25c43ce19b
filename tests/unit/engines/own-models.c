/* tests/unit/engines/own-models.c */
#include "own-models.h"

#include <glib.h>

const char *own_models(void)
{
    const char *folder = g_getenv("MODEL_DIR");
    if (!folder || !*folder)
        folder = SOURCE_MODELS;
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
        g_error("the models are missing in %s: run make deps", folder);
    return folder;
}

static void skip(void)
{
    g_test_skip("MODELS=none: no speech models are wanted");
}

bool own_models_wanted(void)
{
    if (g_strcmp0(g_getenv("MODELS"), "none") != 0)
        return true;
    g_test_add_func("/engines/models-are-not-wanted", skip);
    return false;
}
