/* wire/fields.c: fields are read in the order of their table, so the first wrong one is named; unknown ones
 * are ignored. */
#include "wire/fields.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define MAX_MS 1e15 /* what a double counts exactly, and then some: 30000 years */

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, message);
    return false;
}

/* Returns: the place of @word in @choices, -1 when it is none of them. */
static int find_choice(const char *choices, const char *word)
{
    const gsize length = strlen(word);
    int place = 0;
    for (const char *at = choices; at; place++) {
        const gsize n = strcspn(at, "|");
        if (n == length && memcmp(at, word, n) == 0)
            return place;
        at = at[n] ? at + n + 1 : NULL;
    }
    return -1;
}

static bool refuse_choice(const char *path, const char *word, const char *choices, GError **error)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);
    g_autofree char *list = g_strjoinv(", ", words);
    return refuse(error, "%s: %s is not one of %s", path, word, list);
}

static bool check_language(const char *path, const char *language, GError **error)
{
    for (const char *p = language; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '-' && *p != '_')
            return refuse(error, "%s: \"%s\" is not a language code like \"es\"", path, language);
    return true;
}

static gsize max_bytes(DubFieldType type)
{
    if (type == FIELD_ID)
        return DUB_WIRE_MAX_ID_BYTES;
    return type == FIELD_TEXT ? DUB_WIRE_MAX_TEXT_BYTES : DUB_WIRE_MAX_WORD_BYTES;
}

/* Returns: false for a wrong one; *text stays NULL when it is absent. */
static bool get_text(const DubField *field, const DubJson *payload, const char **text, GError **error)
{
    if (!dub_json_get_string(payload, field->path, field->need, text, error))
        return false;
    if (!*text)
        return true;
    if (!**text && field->type != FIELD_TEXT)
        return refuse(error, "%s: empty", field->path);
    if (strlen(*text) > max_bytes(field->type))
        return refuse(error, "%s: longer than %" G_GSIZE_FORMAT " bytes", field->path, max_bytes(field->type));
    if (field->type == FIELD_LANGUAGE && !check_language(field->path, *text, error))
        return false;
    if (!field->choices || find_choice(field->choices, *text) >= 0)
        return true;
    g_autofree char *quoted = g_strdup_printf("\"%s\"", *text);
    return refuse_choice(field->path, quoted, field->choices, error);
}

static bool read_text(const DubField *field, const DubJson *payload, char **value, GError **error)
{
    const char *text = NULL;
    if (!get_text(field, payload, &text, error))
        return false;
    if (text) {
        g_free(*value);
        *value = g_strdup(text);
    }
    return true;
}

static bool read_choice(const DubField *field, const DubJson *payload, int *value, GError **error)
{
    const char *text = NULL;
    if (!get_text(field, payload, &text, error))
        return false;
    if (text)
        *value = find_choice(field->choices, text);
    return true;
}

static bool read_uint(const DubField *field, const DubJson *payload, guint *value, GError **error)
{
    int64_t number = *value;
    const int64_t max = field->choices ? G_MAXINT32 : field->max;
    if (!dub_json_get_int(payload, field->path, field->need, field->min, max, &number, error))
        return false;
    *value = (guint) number;
    if (!field->choices)
        return true;
    g_autofree char *word = g_strdup_printf("%u", *value);
    return find_choice(field->choices, word) >= 0 || refuse_choice(field->path, word, field->choices, error);
}

static bool read_ms(const DubField *field, const DubJson *payload, double *value, GError **error)
{
    double number = NAN; /* which no JSON holds */
    if (!dub_json_get_double(payload, field->path, field->need, &number, error))
        return false;
    if (isnan(number))
        return true;
    if (!(number >= 0 && number <= MAX_MS))
        return refuse(error, "%s: %g is not within 0 and %g", field->path, number, MAX_MS);
    *value = number;
    return true;
}

static bool read_object(const DubField *field, const DubJson *payload, DubJson **value, GError **error)
{
    const DubJson *object = NULL;
    if (!dub_json_get_object(payload, field->path, field->need, &object, error))
        return false;
    *value = json_incref((DubJson *) object);
    return true;
}

static bool read_audio(const DubField *field, const DubJson *payload, DubWireAudio **value, GError **error)
{
    const DubJson *object = NULL;
    if (!dub_json_get_object(payload, field->path, field->need, &object, error))
        return false;
    if (!object)
        return true;
    *value = dub_wire_audio_parse(payload, field->path, error);
    return *value;
}

static bool read_field(const DubField *field, const DubJson *payload, void *at, GError **error)
{
    switch (field->type) {
    case FIELD_ID:
    case FIELD_WORD:
    case FIELD_LANGUAGE:
    case FIELD_TEXT: return read_text(field, payload, at, error);
    case FIELD_UINT: return read_uint(field, payload, at, error);
    case FIELD_INT: return dub_json_get_int(payload, field->path, field->need, field->min, field->max, at, error);
    case FIELD_MS: return read_ms(field, payload, at, error);
    case FIELD_BOOL: return dub_json_get_bool(payload, field->path, field->need, at, error);
    case FIELD_CHOICE: return read_choice(field, payload, at, error);
    case FIELD_OBJECT: return read_object(field, payload, at, error);
    case FIELD_AUDIO: return read_audio(field, payload, at, error);
    }
    g_return_val_if_reached(false);
}

static void set_fallback(const DubField *field, void *at)
{
    const char *text = field->fallback;
    switch (field->type) {
    case FIELD_ID:
    case FIELD_WORD:
    case FIELD_LANGUAGE:
    case FIELD_TEXT: *(char **) at = g_strdup(text); break;
    case FIELD_UINT: *(guint *) at = text ? (guint) g_ascii_strtoull(text, NULL, 10) : 0; break;
    case FIELD_INT: *(int64_t *) at = text ? g_ascii_strtoll(text, NULL, 10) : -1; break;
    case FIELD_MS: *(double *) at = text ? g_ascii_strtod(text, NULL) : -1; break;
    case FIELD_BOOL: *(bool *) at = text && strcmp(text, "true") == 0; break;
    case FIELD_CHOICE: *(int *) at = text ? find_choice(field->choices, text) : 0; break;
    case FIELD_OBJECT:
    case FIELD_AUDIO: break;
    }
}

/* Returns: (transfer full): the word at @place of @choices */
static DubJson *choice_to_json(const char *choices, int place)
{
    for (; place > 0; place--) {
        choices = strchr(choices, '|');
        g_return_val_if_fail(choices, NULL);
        choices++;
    }
    return json_stringn_nocheck(choices, strcspn(choices, "|"));
}

/* Returns: (transfer full): @text, mended where it is no UTF-8; NULL for NULL */
static DubJson *text_to_json(const char *text)
{
    DubJson *value = json_string(text);
    if (value || !text)
        return value;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

/* Returns: (transfer full): NULL for a field that is left out. */
static DubJson *field_to_json(const DubField *field, const void *at)
{
    switch (field->type) {
    case FIELD_ID:
    case FIELD_WORD:
    case FIELD_LANGUAGE:
    case FIELD_TEXT: return text_to_json(*(char *const *) at);
    case FIELD_UINT: return json_integer(*(const guint *) at);
    case FIELD_INT: return *(const int64_t *) at < 0 ? NULL : json_integer(*(const int64_t *) at);
    case FIELD_MS: return *(const double *) at < 0 ? NULL : json_integer(llround(*(const double *) at));
    case FIELD_BOOL: return json_boolean(*(const bool *) at);
    case FIELD_CHOICE: return choice_to_json(field->choices, *(const int *) at);
    case FIELD_OBJECT: return json_incref(*(DubJson *const *) at);
    case FIELD_AUDIO: {
        const DubWireAudio *audio = *(DubWireAudio *const *) at;
        return audio ? dub_wire_audio_to_json(audio) : NULL;
    }
    }
    g_return_val_if_reached(NULL);
}

/* Takes @value to @path, making the objects on the way. */
static void put(DubJson *object, const char *path, DubJson *value)
{
    const gsize length = strcspn(path, ".");
    if (!path[length]) {
        json_object_set_new_nocheck(object, path, value);
        return;
    }
    if (!json_object_getn(object, path, length))
        json_object_setn_new_nocheck(object, path, length, json_object());
    put(json_object_getn(object, path, length), path + length + 1, value);
}

static void *at_field(const DubField *field, const void *message)
{
    return (char *) message + field->offset;
}

void *dub_message_new(const DubMessageSpec *spec)
{
    void *message = g_malloc0(spec->struct_bytes);
    for (gsize i = 0; i < spec->n_fields; i++)
        set_fallback(&spec->fields[i], at_field(&spec->fields[i], message));
    return message;
}

void *dub_message_parse(const DubMessageSpec *spec, const DubJson *payload, GError **error)
{
    void *message = dub_message_new(spec);
    if (!json_is_object(payload)) {
        refuse(error, "payload: not an object");
        dub_message_free(spec, message);
        return NULL;
    }
    for (gsize i = 0; i < spec->n_fields; i++) {
        if (!read_field(&spec->fields[i], payload, at_field(&spec->fields[i], message), error)) {
            dub_message_free(spec, message);
            return NULL;
        }
    }
    return message;
}

DubJson *dub_message_to_json(const DubMessageSpec *spec, const void *message)
{
    DubJson *payload = json_object();
    for (gsize i = 0; i < spec->n_fields; i++) {
        DubJson *value = field_to_json(&spec->fields[i], at_field(&spec->fields[i], message));
        if (value)
            put(payload, spec->fields[i].path, value);
    }
    return payload;
}

void dub_message_free(const DubMessageSpec *spec, void *message)
{
    if (!message)
        return;
    for (gsize i = 0; i < spec->n_fields; i++) {
        void *at = at_field(&spec->fields[i], message);
        switch (spec->fields[i].type) {
        case FIELD_ID:
        case FIELD_WORD:
        case FIELD_LANGUAGE:
        case FIELD_TEXT: g_free(*(char **) at); break;
        case FIELD_OBJECT: json_decref(*(DubJson **) at); break;
        case FIELD_AUDIO: dub_wire_audio_free(*(DubWireAudio **) at); break;
        case FIELD_UINT:
        case FIELD_INT:
        case FIELD_MS:
        case FIELD_BOOL:
        case FIELD_CHOICE: break;
        }
    }
    g_free(message);
}
