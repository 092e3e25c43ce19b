/* airdub/dub-choice.h: the choices that dub and live share, checked the same way. Any thread. */
#pragma once

#include "timeline/segmenter.h"

#include <glib.h>
#include <stdbool.h>

/* All: true, or false with %DUB_ERROR_INVALID_ARGUMENT that names the option. */
bool choice_check_languages(const char *from, const char *to, GError **error);
bool choice_parse_bed(const char *text, double *gain, GError **error); /* "-18" dB or "off" into a linear gain */
bool choice_parse_segment_mode(const char *text, DubSegmentMode *mode, GError **error);
bool choice_check_segment(double seconds, GError **error);
bool choice_check_port(int port, const char *option, GError **error);
bool choice_check_sts_url(const char *option, const char *url, GError **error); /* http, https, ws, wss */
bool choice_check_sts_urls(const char *option, const char *urls,
                           GError **error);                  /* several, with commas between them */
bool choice_check_stream_id(const char *id, GError **error); /* [A-Za-z0-9_-]{1,64} */
