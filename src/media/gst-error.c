/* media/gst-error.c: GStreamer's error messages -> DUB_ERROR.
 * Elements agree on domain and code only loosely; where they do not, the debug text tells (rtmp2, rtspsrc, srt put the
 * server's answer there). */
#include "media/gst-error.h"

#include "base/error.h"
#include "base/http.h"
#include "base/log.h"

#include <string.h>

typedef struct {
    const char *text; /* in the message or its debug part, lower case */
    DubErrorCode code;
    const char *line;
} TextRule;

/* Of any source or sink; the last two are flv-demux.c's. */
static const TextRule media_rules[] = {
    { "not-negotiated", DUB_ERROR_UNSUPPORTED, "this kind of stream is not taken here; for an output, try .mkv" },
    { "its video is not", DUB_ERROR_UNSUPPORTED, "its video is neither H.264 nor H.265; let the encoder send H.264" },
    { "its audio is neither", DUB_ERROR_UNSUPPORTED, "its audio is neither AAC nor MP3; let the encoder send AAC" },
};

/* Of the network. In this order: the first that fits wins. */
static const TextRule network_rules[] = {
    { "already exists", DUB_ERROR_BUSY, "the path is in use by another publisher; stop it or choose another path" },
    { "publish.badname", DUB_ERROR_BUSY, "the path is in use by another publisher; stop it or choose another path" },
    { "already publishing", DUB_ERROR_BUSY, "the path is in use by another publisher; stop it or choose another path" },
    { "streamnotfound", DUB_ERROR_NOT_FOUND, "no such stream on the server" },
    { "stream not found", DUB_ERROR_NOT_FOUND, "no such stream on the server" },
    { "no stream is available", DUB_ERROR_NOT_FOUND, "no such stream on the server" },
    { "bad request (400)", DUB_ERROR_NOT_FOUND,
      "the server does not know this path" }, /* MediaMTX, where none is configured */
    { "connection refused", DUB_ERROR_NETWORK, DUB_SAYS_REFUSED },
    { "'play' cmd failed", DUB_ERROR_NOT_FOUND, "no such stream on the server" },
    { "'publish' cmd failed", DUB_ERROR_BUSY, "the server refuses the path; it may be in use by another publisher" },
    { "could not open resource for reading and writing", DUB_ERROR_NETWORK,
      "cannot connect; is the server running there?" },
    { "could not connect", DUB_ERROR_NETWORK, DUB_SAYS_REFUSED },
    { "no route to host", DUB_ERROR_NETWORK, DUB_SAYS_UNREACHABLE },
    { "unreachable", DUB_ERROR_NETWORK, DUB_SAYS_UNREACHABLE },
    { "resolv", DUB_ERROR_NETWORK, DUB_SAYS_UNRESOLVED },
    { "name or service not known", DUB_ERROR_NETWORK, DUB_SAYS_UNRESOLVED },
    { "reason error (-5)", DUB_ERROR_NETWORK, "cannot be read; is the server running there?" },
    { "timed out", DUB_ERROR_TIMEOUT, DUB_SAYS_NO_ANSWER },
    { "timeout", DUB_ERROR_TIMEOUT, DUB_SAYS_NO_ANSWER },
};

typedef struct {
    DubErrorCode code;
    const char *line;
} Meaning;

static char *lower_text_of(const GError *error, const char *debug)
{
    g_autofree char *both = g_strconcat(error->message, " ", debug ? debug : "", NULL);
    return g_ascii_strdown(both, -1);
}

static const TextRule *find_rule(const TextRule *rules, gsize n_rules, const char *text)
{
    for (gsize i = 0; i < n_rules; i++)
        if (strstr(text, rules[i].text))
            return &rules[i];
    return NULL;
}

static Meaning resource_meaning(int code, bool is_network)
{
    switch (code) {
    case GST_RESOURCE_ERROR_NOT_FOUND: return (Meaning){ DUB_ERROR_NOT_FOUND, DUB_SAYS_NOT_FOUND };
    case GST_RESOURCE_ERROR_BUSY: return (Meaning){ DUB_ERROR_BUSY, "in use" };
    case GST_RESOURCE_ERROR_NOT_AUTHORIZED: return (Meaning){ DUB_ERROR_AUTH, DUB_SAYS_NO_ACCESS };
    case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
        return (Meaning){ DUB_ERROR_NO_SPACE, "no space left on device; free some space and try again" };
    default: break;
    }
    if (is_network)
        return (Meaning){ DUB_ERROR_NETWORK, NULL };
    return (Meaning){ DUB_ERROR_IO, NULL };
}

static Meaning stream_meaning(int code)
{
    switch (code) {
    case GST_STREAM_ERROR_TYPE_NOT_FOUND:
    case GST_STREAM_ERROR_WRONG_TYPE: return (Meaning){ DUB_ERROR_CORRUPT, "not a media file" };
    case GST_STREAM_ERROR_CODEC_NOT_FOUND: return (Meaning){ DUB_ERROR_UNSUPPORTED, "no decoder for its audio" };
    case GST_STREAM_ERROR_DECRYPT:
    case GST_STREAM_ERROR_DECRYPT_NOKEY: return (Meaning){ DUB_ERROR_UNSUPPORTED, "encrypted media cannot be read" };
    case GST_STREAM_ERROR_DEMUX: return (Meaning){ DUB_ERROR_CORRUPT, "corrupt, or cut short before its index" };
    default: return (Meaning){ DUB_ERROR_CORRUPT, NULL };
    }
}

static Meaning meaning_of(const GError *error, const char *debug, bool is_network)
{
    g_autofree char *text = lower_text_of(error, debug);
    const TextRule *rule = is_network ? find_rule(network_rules, G_N_ELEMENTS(network_rules), text) : NULL;
    if (!rule)
        rule = find_rule(media_rules, G_N_ELEMENTS(media_rules), text);
    if (rule)
        return (Meaning){ rule->code, rule->line };
    if (error->domain == GST_RESOURCE_ERROR)
        return resource_meaning(error->code, is_network);
    if (error->domain == GST_STREAM_ERROR)
        return stream_meaning(error->code);
    if (error->domain == GST_CORE_ERROR && error->code == GST_CORE_ERROR_MISSING_PLUGIN)
        return (Meaning){ DUB_ERROR_UNSUPPORTED, "a GStreamer plugin is missing" };
    return (Meaning){ DUB_ERROR_FAILED, NULL };
}

GError *dub_gst_error_new(GstMessage *message, const char *uri, bool is_network, const char *missing)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *debug = NULL;
    gst_message_parse_error(message, &error, &debug);
    g_autofree char *name = dub_url_printable(uri);
    dub_debug("%s: %s: %s (%s)", name, GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message,
              debug ? debug : "no details");

    const Meaning meaning = meaning_of(error, debug, is_network);
    if (missing && (meaning.code == DUB_ERROR_UNSUPPORTED || meaning.code == DUB_ERROR_CORRUPT))
        return g_error_new(DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: needs a GStreamer plugin that is not installed: %s",
                           name, missing);
    g_autofree char *line = dub_log_printable(meaning.line ? meaning.line : error->message, 300);
    if (g_str_has_suffix(line, "."))
        line[strlen(line) - 1] = '\0';
    return g_error_new(DUB_ERROR, meaning.code, "%s: %s", name, line);
}

char *dub_gst_missing_plugin(GstMessage *message)
{
    const GstStructure *structure = gst_message_get_structure(message);
    if (!structure || !gst_structure_has_name(structure, "missing-plugin"))
        return NULL;
    const char *name = gst_structure_get_string(structure, "name");
    return g_strdup(name ? name : "unknown");
}

static const struct {
    const char *media_type;
    const char *name;
} codec_names[] = {
    { "video/x-h264", "H.264" },       { "video/x-h265", "H.265" },
    { "video/x-vp8", "VP8" },          { "video/x-vp9", "VP9" },
    { "video/x-av1", "AV1" },          { "video/mpeg", "MPEG" },
    { "image/jpeg", "MJPEG" },         { "video/x-theora", "Theora" },
    { "video/x-prores", "ProRes" },    { "video/x-flash-video", "Sorenson H.263" },
    { "video/x-raw", "uncompressed" }, { "video/x-dnxhd", "DNxHD" },
    { "video/x-wmv", "WMV" },          { "video/x-dv", "DV" },
    { "video/x-ffv", "FFV1" },         { "video/x-h263", "H.263" },
};

const char *dub_media_codec_name(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int version = 0;
    if (gst_structure_has_name(structure, "video/mpeg") && gst_structure_get_int(structure, "mpegversion", &version))
        return version == 4 ? "MPEG-4 Part 2" : version == 2 ? "MPEG-2" : "MPEG-1";
    for (gsize i = 0; i < G_N_ELEMENTS(codec_names); i++)
        if (gst_structure_has_name(structure, codec_names[i].media_type))
            return codec_names[i].name;
    return gst_structure_get_name(structure);
}
