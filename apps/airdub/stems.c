/* airdub/stems.c: two files that grow side by side. */
#include "airdub/stems.h"

#include "audio/float-wav.h"
#include "base/error.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BED, DUB, N_STEMS };
static const char *const names[N_STEMS] = { "bed.wav", "dub.wav" };

struct _Stems {
    char *folder;
    DubFloatWav *files[N_STEMS]; /* NULL before the first sound tells the shape */
};

static bool make_folder(const char *folder, GError **error)
{
    if (mkdir(folder, 0777) == 0 || (errno == EEXIST && g_file_test(folder, G_FILE_TEST_IS_DIR)))
        return true;
    dub_error_fail_errno(error, "make the folder", folder);
    g_prefix_error(error, "--stems: ");
    return false;
}

static bool check_free(const char *folder, GError **error)
{
    for (int i = 0; i < N_STEMS; i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        if (access(path, F_OK) < 0)
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is already there; replace it with --force", path);
        return false;
    }
    return true;
}

Stems *stems_new(const char *folder, bool replace, GError **error)
{
    if (!make_folder(folder, error) || (!replace && !check_free(folder, error)))
        return NULL;
    Stems *self = g_new0(Stems, 1);
    self->folder = g_strdup(folder);
    return self;
}

static bool add(Stems *self, int i, const DubPcm *pcm, GError **error)
{
    if (!self->files[i]) {
        g_autofree char *path = g_build_filename(self->folder, names[i], NULL);
        self->files[i] = dub_float_wav_new(path, pcm->rate_hz, pcm->channels, error);
    }
    return self->files[i] && dub_float_wav_write(self->files[i], pcm->samples, pcm->n_frames, error);
}

bool stems_add(Stems *self, const DubPcm *bed, const DubPcm *dub, GError **error)
{
    return add(self, BED, bed, error) && add(self, DUB, dub, error);
}

bool stems_finish(Stems *self, GError **error)
{
    for (int i = 0; i < N_STEMS; i++)
        if (self->files[i] && !dub_float_wav_finish(self->files[i], error))
            return false;
    return true;
}

void stems_free(Stems *self)
{
    if (!self)
        return;
    for (int i = 0; i < N_STEMS; i++)
        dub_float_wav_free(self->files[i]);
    g_free(self->folder);
    g_free(self);
}
