/* airdub/dub-choice.c: checks what --from, --to, --bed, --segment and the ports were given. */
#include "airdub/dub-choice.h"

#include "base/error.h"
#include "speech/remote-services.h"

#include <math.h>
#include <string.h>

#define LONGEST_LANGUAGE   3
#define LOWEST_BED_DB      (-60.0)
#define HIGHEST_BED_DB     0.0
#define SHORTEST_SEGMENT_S 1.0
#define LONGEST_SEGMENT_S  30.0 /* chunk_duration_ms of stream:init */
#define LONGEST_STREAM_ID  64

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autoptr(GError) problem = g_error_new_valist(DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, format, args);
    va_end(args);
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool check_language(const char *option, const char *text, GError **error)
{
    const gsize length = strlen(text);
    bool good = length >= 2 && length <= LONGEST_LANGUAGE;
    for (gsize i = 0; good && i < length; i++)
        good = g_ascii_islower(text[i]);
    return good ||
           refuse(error, "%s: '%.40s' is not a language code like en or es; 'airdub engines' lists those there are",
                  option, text);
}

bool choice_check_languages(const char *from, const char *to, GError **error)
{
    if (!check_language("--from", from, error) || !check_language("--to", to, error))
        return false;
    return strcmp(from, to) != 0 || refuse(error, "--from and --to are both %s; choose two languages", from);
}

bool choice_parse_bed(const char *text, double *gain, GError **error)
{
    if (strcmp(text, "off") == 0) {
        *gain = 0;
        return true;
    }
    char *end = NULL;
    const double level_db = g_ascii_strtod(text, &end);
    if (end == text || *end || !(level_db >= LOWEST_BED_DB && level_db <= HIGHEST_BED_DB))
        return refuse(error, "--bed: '%.40s' is neither off nor a level in dB within %g and %g", text, LOWEST_BED_DB,
                      HIGHEST_BED_DB);
    *gain = pow(10, level_db / 20);
    return true;
}

bool choice_parse_segment_mode(const char *text, DubSegmentMode *mode, GError **error)
{
    if (strcmp(text, "pause") == 0)
        *mode = DUB_SEGMENT_PAUSE;
    else if (strcmp(text, "fixed") == 0)
        *mode = DUB_SEGMENT_FIXED;
    else
        return refuse(error, "--segment-mode: '%.40s' is neither pause nor fixed", text);
    return true;
}

bool choice_check_segment(double seconds, GError **error)
{
    return (seconds >= SHORTEST_SEGMENT_S && seconds <= LONGEST_SEGMENT_S) ||
           refuse(error, "--segment: %g is not within %g and %g seconds", seconds, SHORTEST_SEGMENT_S,
                  LONGEST_SEGMENT_S);
}

bool choice_check_port(int port, const char *option, GError **error)
{
    return (port >= 0 && port <= 65535) || refuse(error, "%s: %d is not within 0 and 65535", option, port);
}

bool choice_check_sts_urls(const char *option, const char *urls, GError **error)
{
    g_auto(GStrv) list = dub_remote_services_split(urls);
    bool are_good = *list || choice_check_sts_url(option, urls, error);
    for (char **url = list; are_good && *url; url++)
        are_good = choice_check_sts_url(option, *url, error);
    return are_good;
}

bool choice_check_sts_url(const char *option, const char *url, GError **error)
{
    static const char *const schemes[] = { "http", "https", "ws", "wss", NULL };
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    if (uri && g_strv_contains(schemes, g_uri_get_scheme(uri)) && g_uri_get_host(uri) && *g_uri_get_host(uri))
        return true;
    return refuse(error, "%s: '%.200s' is not an address like http://localhost:3000", option, url);
}

bool choice_check_stream_id(const char *id, GError **error)
{
    const gsize length = strlen(id);
    bool good = length > 0 && length <= LONGEST_STREAM_ID;
    for (gsize i = 0; good && i < length; i++)
        good = g_ascii_isalnum(id[i]) || id[i] == '-' || id[i] == '_';
    return good ||
           refuse(error, "--stream: '%.80s' is not a name of 1 to %d letters, digits, - and _", id, LONGEST_STREAM_ID);
}
