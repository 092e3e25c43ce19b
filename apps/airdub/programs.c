/* airdub/programs.c: finds media-service and sts-service wherever this airdub came from. */
#include "airdub/programs.h"

#include "base/error.h"

char *programs_self(void)
{
    return g_file_read_link("/proc/self/exe", NULL);
}

static char *if_executable(char *path)
{
    if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(path, G_FILE_TEST_IS_DIR))
        return path;
    g_free(path);
    return NULL;
}

char *programs_find(const char *name, GError **error)
{
    g_autofree char *self = programs_self();
    g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup(".");
    char *found = if_executable(g_build_filename(folder, name, NULL));
    if (!found)
        found = if_executable(g_build_filename(folder, "..", name, name, NULL)); /* Meson: apps/NAME/NAME */
    if (!found)
        found = g_find_program_in_path(name);
    if (!found)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "the program %s is neither beside airdub nor on PATH; install it with 'make install'", name);
    return found;
}
