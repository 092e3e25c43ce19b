/* sts/faults.c */
#include "sts/faults.h"

#include "base/error.h"

#include <string.h>

enum { BY_SEQUENCE_NUMBER, BY_FRAGMENT_ID, EVERY_NTH };
static const char *const triggers[] = { "sequence_number", "fragment_id", "nth_fragment", NULL };
static const char *const stages[] = { "asr", "translation", "tts", NULL };

#define MAX_MESSAGE_BYTES 512
#define MAX_NUMBER        INT64_C(9007199254740991)

static void fault_free(void *data)
{
    DubStsFault *fault = data;
    g_free(fault->code);
    g_free(fault->message);
    g_free(fault->stage);
    g_free(fault->id);
    g_free(fault);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsFault, fault_free)

void dub_sts_faults_init(DubStsFaults *self)
{
    self->rules = g_ptr_array_new_with_free_func(fault_free);
    self->n_seen = 0;
}

void dub_sts_faults_clear(DubStsFaults *self)
{
    g_clear_pointer(&self->rules, g_ptr_array_unref);
}

static bool refuse(GError **error, const char *what)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, what);
    return false;
}

static bool read_value(const DubJson *rule, DubStsFault *fault, GError **error)
{
    if (fault->trigger == BY_FRAGMENT_ID) {
        const char *id;
        if (!dub_json_get_string(rule, "value", DUB_JSON_REQUIRED, &id, error))
            return false;
        fault->id = g_strdup(id);
        return true;
    }
    int64_t number;
    if (!dub_json_get_int(rule, "value", DUB_JSON_REQUIRED, fault->trigger == EVERY_NTH, MAX_NUMBER, &number, error))
        return false;
    fault->number = (uint64_t) number;
    return true;
}

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

static bool is_code(const char *text)
{
    const gsize length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return length > 0 && length <= 64 && !text[length];
}

static bool read_rule(const DubJson *rule, DubStsFault *fault, GError **error)
{
    const char *trigger, *code, *message = "simulated failure", *stage = stages[0];
    fault->retryable = true;
    if (!dub_json_get_string(rule, "trigger", DUB_JSON_REQUIRED, &trigger, error))
        return false;
    fault->trigger = find_word(triggers, trigger);
    if (fault->trigger < 0)
        return refuse(error, "trigger: not one of sequence_number, fragment_id, nth_fragment");
    if (!read_value(rule, fault, error) ||
        !dub_json_get_string(rule, "error_code", DUB_JSON_REQUIRED, &code, error) ||
        !dub_json_get_string(rule, "error_message", DUB_JSON_OPTIONAL, &message, error) ||
        !dub_json_get_bool(rule, "retryable", DUB_JSON_OPTIONAL, &fault->retryable, error) ||
        !dub_json_get_string(rule, "stage", DUB_JSON_OPTIONAL, &stage, error))
        return false;
    if (!is_code(code))
        return refuse(error, "error_code: not an error code like MODEL_ERROR");
    if (strlen(message) > MAX_MESSAGE_BYTES)
        return refuse(error, "error_message: longer than 512 bytes");
    if (find_word(stages, stage) < 0)
        return refuse(error, "stage: not one of asr, translation, tts");
    fault->code = g_strdup(code);
    fault->message = g_strdup(message);
    fault->stage = g_strdup(stage);
    return true;
}

static GPtrArray *read_rules(const DubJson *list, GError **error)
{
    g_autoptr(GPtrArray) rules = g_ptr_array_new_with_free_func(fault_free);
    if (json_array_size(list) > DUB_STS_MAX_FAULT_RULES) {
        refuse(error, "rules: more than 64");
        return NULL;
    }
    for (gsize i = 0; i < json_array_size(list); i++) {
        g_autoptr(DubStsFault) fault = g_new0(DubStsFault, 1);
        if (!read_rule(json_array_get(list, i), fault, error)) {
            g_prefix_error(error, "rules[%zu].", i);
            return NULL;
        }
        g_ptr_array_add(rules, g_steal_pointer(&fault));
    }
    return g_steal_pointer(&rules);
}

bool dub_sts_faults_configure(DubStsFaults *self, const DubJson *payload, GError **error)
{
    bool enabled = false;
    const DubJson *list = NULL;
    if (!dub_json_get_bool(payload, "enabled", DUB_JSON_REQUIRED, &enabled, error) ||
        !dub_json_get_array(payload, "rules", enabled ? DUB_JSON_REQUIRED : DUB_JSON_OPTIONAL, &list, error))
        return false;
    GPtrArray *rules = read_rules(enabled ? list : NULL, error);
    if (!rules)
        return false;
    g_ptr_array_unref(self->rules);
    self->rules = rules;
    self->n_seen = 0;
    return true;
}

static bool is_met(const DubStsFault *fault, const char *id, uint64_t number, uint64_t n)
{
    switch (fault->trigger) {
    case BY_SEQUENCE_NUMBER: return fault->number == number;
    case BY_FRAGMENT_ID:     return strcmp(fault->id, id) == 0;
    case EVERY_NTH:          return n % fault->number == 0;
    }
    return false;
}

const DubStsFault *dub_sts_faults_next(DubStsFaults *self, const char *fragment_id, uint64_t sequence_number)
{
    self->n_seen++;
    for (guint i = 0; i < self->rules->len; i++) {
        const DubStsFault *fault = g_ptr_array_index(self->rules, i);
        if (is_met(fault, fragment_id, sequence_number, self->n_seen))
            return fault;
    }
    return NULL;
}
