/* airdub/doctor-machine.c: the other programs, the folder for segments, and the ports of `airdub live`. */
#include "airdub/doctor.h"

#include "airdub/ports.h"
#include "airdub/programs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void check_program(DoctorReport *report, const char *name)
{
    g_autoptr(GError) error = NULL;
    char *path = programs_find(name, &error);
    if (path)
        doctor_add(report, DOCTOR_OK, "programs", g_strdup(name), path, NULL);
    else
        doctor_add(report, DOCTOR_FAIL, "programs", g_strdup(name), g_strdup(error->message), g_strdup("make install"));
}

static const char *segment_folder(char **environment)
{
    const char *folder = g_environ_getenv(environment, "WORKER_SEGMENT_DIR");
    if (!folder || !*folder)
        folder = g_environ_getenv(environment, "SEGMENT_DIR");
    return folder && *folder ? folder : "/tmp/segments";
}

/* A folder that is not there yet can be made where the nearest one above it can be written. */
static bool can_write_below(const char *folder)
{
    g_autofree char *at = g_strdup(folder);
    while (access(at, F_OK) < 0 && errno == ENOENT && strchr(at, '/')) {
        char *above = g_path_get_dirname(at);
        g_free(at);
        at = above;
    }
    return access(at, W_OK | X_OK) == 0;
}

static void check_segment_folder(DoctorReport *report, char **environment)
{
    const char *folder = segment_folder(environment);
    if (can_write_below(folder)) {
        doctor_add(report, DOCTOR_OK, "folders", g_strdup("SEGMENT_DIR"), g_strdup_printf("%s can be written", folder),
                   NULL);
        return;
    }
    doctor_add(report, DOCTOR_FAIL, "folders", g_strdup("SEGMENT_DIR"),
               g_strdup_printf("%s cannot be written: %s", folder, g_strerror(errno)),
               g_strdup_printf("mkdir -p '%s' && chmod u+rwx '%s'", folder, folder));
}

static bool is_ours(const char *owner)
{
    return g_str_has_prefix(owner, "media-service") || g_str_has_prefix(owner, "sts-service") ||
           g_str_has_prefix(owner, "mediamtx");
}

static void check_port(DoctorReport *report, int port, const char *purpose, const char *option)
{
    char *name = g_strdup_printf("%d", port);
    if (port == 0 || ports_is_free((guint) port)) {
        const char *state = port == 0 ? "a free one is chosen" : "free";
        doctor_add(report, DOCTOR_OK, "ports", name, g_strdup_printf("%s: %s", purpose, state), NULL);
        return;
    }
    g_autofree char *owner = ports_owner((guint) port);
    if (is_ours(owner))
        doctor_add(report, DOCTOR_OK, "ports", name, g_strdup_printf("%s: %s runs", purpose, owner), NULL);
    else
        doctor_add(report, DOCTOR_FAIL, "ports", name, g_strdup_printf("%s: in use by %s", purpose, owner),
                   g_strdup_printf("stop that program, or run airdub live with %s PORT", option));
}

void doctor_check_machine(DoctorReport *report, const DoctorQuestion *question)
{
    check_program(report, "media-service");
    check_program(report, "sts-service");
    check_segment_folder(report, question->environment);
    check_port(report, question->rtmp_port, "RTMP", "--rtmp-port");
    check_port(report, question->http_port, "HTTP of media-service", "--http-port");
    check_port(report, question->sts_port, "sts-service", "--sts-port");
    check_port(report, question->api_port, "the media server's control API", "--api-port");
}
