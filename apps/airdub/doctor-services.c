/* airdub/doctor-services.c: the services that run elsewhere, when the environment names them. */
#include "airdub/doctor.h"

#include <libsoup/soup.h>

#define GROUP     "services"
#define TIMEOUT_S 3
#define SHOWN     160 /* bytes of an answer in a line */

static const char *setting(char **environment, const char *name)
{
    const char *value = g_environ_getenv(environment, name);
    return value && *value ? value : NULL;
}

static char *url_with(const char *base, const char *path)
{
    const gsize length = strlen(base);
    const bool slash = length > 0 && base[length - 1] == '/';
    return g_strdup_printf("%.*s%s", (int) (length - slash), base, path);
}

/* Returns: the HTTP status; 0 with @error when nothing answers */
static guint get(const char *url, GError **error)
{
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    if (!message) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not an http:// or https:// address");
        return 0;
    }
    g_autoptr(SoupSession) session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    g_autoptr(GBytes) body = soup_session_send_and_read(session, message, NULL, error);
    return body ? soup_message_get_status(message) : 0;
}

/* @cure: (transfer full) */
static void check_url(DoctorReport *report, const char *name, const char *url, char *cure)
{
    g_autoptr(GError) error = NULL;
    const guint status = get(url, &error);
    if (status == SOUP_STATUS_OK) {
        g_free(cure);
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup(name), g_strdup_printf("%.*s answers", SHOWN, url), NULL);
    } else if (status) {
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup(name),
                   g_strdup_printf("%.*s answers with status %u", SHOWN, url, status), cure);
    } else {
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup(name),
                   g_strdup_printf("%.*s does not answer: %s", SHOWN, url, error->message), cure);
    }
}

static void check_media_server(DoctorReport *report, char **environment)
{
    const char *api = setting(environment, "MEDIAMTX_API_URL");
    if (!api) {
        doctor_add(report, DOCTOR_NOTE, GROUP, g_strdup("media server"),
                   g_strdup("the built-in one; set MEDIAMTX_API_URL to check a MediaMTX"), NULL);
        return;
    }
    g_autofree char *url = url_with(api, "/v3/paths/list");
    check_url(report, "media server", url,
              g_strdup("start MediaMTX with 'api: yes' in its mediamtx.yml, or correct MEDIAMTX_API_URL"));
}

static void check_sts(DoctorReport *report, char **environment)
{
    const char *sts = setting(environment, "STS_SERVICE_URL");
    if (!sts) {
        doctor_add(report, DOCTOR_NOTE, GROUP, g_strdup("STS link"),
                   g_strdup("the engines of this machine; set STS_SERVICE_URL to check a remote sts-service"), NULL);
        return;
    }
    g_autofree char *url = url_with(sts, "/health");
    check_url(report, "STS link", url, g_strdup("start sts-service there, or correct STS_SERVICE_URL"));
}

void doctor_check_services(DoctorReport *report, const DoctorQuestion *question)
{
    check_media_server(report, question->environment);
    check_sts(report, question->environment);
}
