/* SPDX-License-Identifier: MIT
 * socketio/json.c: jansson's own parser and printer look at a string byte by byte; a fragment of audio is one string of
 * 130 kB. Here runs without quotes, backslashes and control characters go 64 bytes at a time. */
#include "socketio/json.h"

#include "socketio/packet.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MAX_NUMBER_CHARS 400 /* a double's 309 digits and a tail */

static bool is_plain(guint8 c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

#ifdef __SSE2__
/* All bits set where a byte does not stand for itself. */
static inline __m128i special_of(const char *text)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *) text);
    const __m128i swapped =
        _mm_xor_si128(bytes, _mm_set1_epi8('"' ^ ' ')); /* the quote next to the control characters */
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(swapped, _mm_set1_epi8(' ')), swapped);
    return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}
#endif

/* How many bytes from the start stand for themselves in a JSON string. */
static gsize plain_length(const char *text, gsize length)
{
    gsize i = 0;
#ifdef __SSE2__
    for (; i + 64 <= length; i += 64) {
        const __m128i a = _mm_or_si128(special_of(text + i), special_of(text + i + 16));
        const __m128i b = _mm_or_si128(special_of(text + i + 32), special_of(text + i + 48));
        if (_mm_movemask_epi8(_mm_or_si128(a, b)))
            break;
    }
    for (; i + 16 <= length; i += 16) {
        const int mask = _mm_movemask_epi8(special_of(text + i));
        if (mask)
            return i + (gsize) __builtin_ctz((unsigned) mask);
    }
#endif
    while (i < length && is_plain((guint8) text[i]))
        i++;
    return i;
}

/* ---- parsing ---- */

typedef struct {
    const char *at, *end;
    const char *problem; /* static; NULL: none yet */
    guint depth;
} Parser;

static json_t *parse_value(Parser *p);

static json_t *bad(Parser *p, const char *problem)
{
    if (!p->problem)
        p->problem = problem;
    return NULL;
}

static void skip_space(Parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool take(Parser *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static int read_hex4(Parser *p)
{
    int value = 0;
    if (p->end - p->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const int digit = g_ascii_xdigit_value(*p->at++);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* After "\u". */
static bool parse_unicode(Parser *p, GString *out)
{
    int c = read_hex4(p);
    if (c < 0)
        return false;
    if (c >= 0xd800 && c <= 0xdbff && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
        const char *back = p->at;
        p->at += 2;
        const int low = read_hex4(p);
        if (low < 0)
            return false;
        if (low >= 0xdc00 && low <= 0xdfff)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else
            p->at = back;
    }
    if (c >= 0xd800 && c <= 0xdfff)
        c = 0xfffd;
    char utf8[6];
    g_string_append_len(out, utf8, g_unichar_to_utf8((gunichar) c, utf8));
    return true;
}

static bool parse_escape(Parser *p, GString *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p->at == p->end)
        return false;
    const char c = *p->at++;
    if (c == 'u')
        return parse_unicode(p, out);
    const char *known = c ? strchr(from, c) : NULL;
    if (!known)
        return false;
    g_string_append_c(out, to[known - from]);
    return true;
}

/* Long strings rarely hold escapes: then @out stays NULL and the string is a slice of the text. */
static bool scan_string(Parser *p, const char **slice, gsize *length, GString **out)
{
    *out = NULL;
    *slice = p->at;
    for (;;) {
        const gsize n = plain_length(p->at, (gsize) (p->end - p->at));
        if (*out)
            g_string_append_len(*out, p->at, (gssize) n);
        p->at += n;
        if (take(p, '"'))
            break;
        if (!*out)
            *out = g_string_new_len(*slice, p->at - *slice);
        if (!take(p, '\\') || !parse_escape(p, *out)) {
            g_string_free(*out, TRUE);
            *out = NULL;
            bad(p, "bad string");
            return false;
        }
    }
    *length = *out ? (*out)->len : (gsize) (p->at - 1 - *slice);
    if (*out)
        *slice = (*out)->str;
    return true;
}

/* After the opening quote. */
static json_t *parse_string(Parser *p)
{
    const char *slice;
    gsize length;
    GString *out;
    if (!scan_string(p, &slice, &length, &out))
        return NULL;
    json_t *value = json_stringn_nocheck(slice, length);
    if (out)
        g_string_free(out, TRUE);
    return value;
}

static bool skip_digits(Parser *p)
{
    const char *start = p->at;
    while (p->at < p->end && g_ascii_isdigit(*p->at))
        p->at++;
    return p->at > start;
}

static json_t *make_number(Parser *p, const char *start, bool is_integer)
{
    char text[MAX_NUMBER_CHARS + 1];
    const gsize length = (gsize) (p->at - start);
    if (length > MAX_NUMBER_CHARS)
        return bad(p, "number too long");
    memcpy(text, start, length);
    text[length] = '\0';
    if (is_integer) {
        errno = 0;
        const long long value = strtoll(text, NULL, 10);
        if (errno == 0)
            return json_integer(value);
    }
    const double value = g_ascii_strtod(text, NULL);
    return isfinite(value) ? json_real(value) : bad(p, "number out of range");
}

static json_t *parse_number(Parser *p)
{
    const char *start = p->at;
    bool is_integer = true;
    take(p, '-');
    if (!take(p, '0') && !skip_digits(p))
        return bad(p, "unexpected character");
    if (take(p, '.')) {
        is_integer = false;
        if (!skip_digits(p))
            return bad(p, "bad number");
    }
    if (take(p, 'e') || take(p, 'E')) {
        is_integer = false;
        if (!take(p, '+'))
            take(p, '-');
        if (!skip_digits(p))
            return bad(p, "bad number");
    }
    return make_number(p, start, is_integer);
}

static json_t *parse_word(Parser *p, const char *word, json_t *value)
{
    const gsize n = strlen(word);
    if ((gsize) (p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return bad(p, "unexpected character");
    p->at += n;
    return value;
}

/* After the opening bracket. */
static bool parse_items(Parser *p, json_t *array)
{
    skip_space(p);
    if (take(p, ']'))
        return true;
    do {
        json_t *item = parse_value(p);
        if (!item || json_array_append_new(array, item) != 0)
            return false;
        skip_space(p);
    } while (take(p, ','));
    return take(p, ']') || bad(p, "expected , or ]");
}

static bool parse_member(Parser *p, json_t *object)
{
    const char *slice;
    gsize length;
    GString *out;
    skip_space(p);
    if (!take(p, '"'))
        return bad(p, "expected a key");
    if (!scan_string(p, &slice, &length, &out))
        return false;
    skip_space(p);
    json_t *value = take(p, ':') ? parse_value(p) : bad(p, "expected :");
    const bool ok = value && json_object_setn_new_nocheck(object, slice, length, value) == 0;
    if (out)
        g_string_free(out, TRUE);
    return ok;
}

/* After the opening brace. */
static bool parse_members(Parser *p, json_t *object)
{
    skip_space(p);
    if (take(p, '}'))
        return true;
    do {
        if (!parse_member(p, object))
            return false;
        skip_space(p);
    } while (take(p, ','));
    return take(p, '}') || bad(p, "expected , or }");
}

static json_t *parse_container(Parser *p, json_t *container, bool (*fill)(Parser *, json_t *))
{
    const bool ok = p->depth < SIO_MAX_DEPTH ? true : (bad(p, "nested too deeply"), false);
    p->depth++;
    if (ok && fill(p, container)) {
        p->depth--;
        return container;
    }
    json_decref(container);
    return NULL;
}

static json_t *parse_value(Parser *p)
{
    skip_space(p);
    if (p->at == p->end)
        return bad(p, "unexpected end");
    switch (*p->at) {
    case '"': p->at++; return parse_string(p);
    case '{': p->at++; return parse_container(p, json_object(), parse_members);
    case '[': p->at++; return parse_container(p, json_array(), parse_items);
    case 't': return parse_word(p, "true", json_true());
    case 'f': return parse_word(p, "false", json_false());
    case 'n': return parse_word(p, "null", json_null());
    default: return parse_number(p);
    }
}

json_t *sio_json_parse(const char *text, gsize length, GError **error)
{
    Parser p = { .at = text, .end = text + length };
    json_t *value = parse_value(&p);
    skip_space(&p);
    if (value && p.at != p.end) {
        json_decref(value);
        value = bad(&p, "text after the value");
    }
    if (!value)
        g_set_error(error, SIO_ERROR, SIO_ERROR_BAD_JSON, "JSON, byte %" G_GSIZE_FORMAT ": %s", (gsize) (p.at - text),
                    p.problem ? p.problem : "out of memory");
    return value;
}

/* ---- printing ---- */

static void append_escape(GString *text, guint8 c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        g_string_append_c(text, '\\');
        g_string_append_c(text, to[known - from]);
    } else {
        g_string_append_printf(text, "\\u%04x", c);
    }
}

void sio_json_append_string(GString *text, const char *string, gsize length)
{
    g_string_append_c(text, '"');
    for (gsize i = 0; i < length;) {
        const gsize n = plain_length(string + i, length - i);
        g_string_append_len(text, string + i, (gssize) n);
        i += n;
        if (i < length)
            append_escape(text, (guint8) string[i++]);
    }
    g_string_append_c(text, '"');
}

/* The shortest text that reads back as the same double; with a point, so that it stays a real. */
static void append_real(GString *text, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(digits, sizeof digits, formats[i], value);
        if (g_ascii_strtod(digits, NULL) == value)
            break;
    }
    g_string_append(text, digits);
    if (!strpbrk(digits, ".e"))
        g_string_append(text, ".0");
}

static void append_array(GString *text, const json_t *array)
{
    const gsize n = json_array_size(array);
    g_string_append_c(text, '[');
    for (gsize i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_c(text, ',');
        sio_json_append(text, json_array_get(array, i));
    }
    g_string_append_c(text, ']');
}

static void append_object(GString *text, const json_t *object)
{
    char separator = '{';
    for (void *iter = json_object_iter((json_t *) object); iter;
         iter = json_object_iter_next((json_t *) object, iter)) {
        g_string_append_c(text, separator);
        sio_json_append_string(text, json_object_iter_key(iter), json_object_iter_key_len(iter));
        g_string_append_c(text, ':');
        sio_json_append(text, json_object_iter_value(iter));
        separator = ',';
    }
    if (separator == '{')
        g_string_append_c(text, '{');
    g_string_append_c(text, '}');
}

void sio_json_append(GString *text, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: append_object(text, value); break;
    case JSON_ARRAY: append_array(text, value); break;
    case JSON_STRING: sio_json_append_string(text, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: append_real(text, json_real_value(value)); break;
    case JSON_TRUE: g_string_append(text, "true"); break;
    case JSON_FALSE: g_string_append(text, "false"); break;
    case JSON_NULL: g_string_append(text, "null"); break;
    }
}
