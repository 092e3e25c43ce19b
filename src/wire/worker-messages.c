/* wire/worker-messages.c: PROTOCOL.md, "Events: worker -> sts", as tables. */
#include "wire/worker-messages.h"

#include "base/error.h"
#include "wire/fields.h"

#define AT(member) offsetof(T, member)
#define NEEDED     DUB_JSON_REQUIRED
#define MAY_BE     DUB_JSON_OPTIONAL

#define T DubStreamInit
static const DubField stream_init_fields[] = {
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "worker_id", FIELD_ID, NEEDED, AT(worker_id) },
    { "takes_over", FIELD_ID, MAY_BE, AT(takes_over) },
    { "config.source_language", FIELD_LANGUAGE, MAY_BE, AT(source_language), .fallback = "en" },
    { "config.target_language", FIELD_LANGUAGE, MAY_BE, AT(target_language), .fallback = "es" },
    { "config.voice_profile", FIELD_WORD, MAY_BE, AT(voice_profile), .fallback = "default" },
    { "config.chunk_duration_ms", FIELD_UINT, MAY_BE, AT(chunk_duration_ms), 100, 30000, "6000" },
    { "config.sample_rate_hz", FIELD_UINT, MAY_BE, AT(sample_rate_hz), .fallback = "48000",
      .choices = "16000|22050|44100|48000" },
    { "config.channels", FIELD_UINT, MAY_BE, AT(channels), 1, 2, "2" },
    { "config.format", FIELD_WORD, MAY_BE, AT(format), .fallback = "m4a", .choices = "m4a|pcm_s16le" },
    { "max_inflight", FIELD_UINT, MAY_BE, AT(max_inflight), 1, DUB_WIRE_MAX_IN_FLIGHT, "3" },
    { "timeout_ms", FIELD_UINT, MAY_BE, AT(timeout_ms), 1000, 30000, "8000" },
    { "metadata", FIELD_OBJECT, MAY_BE, AT(metadata) },
};
#undef T
DEFINE_MESSAGE(DubStreamInit, dub_stream_init, stream_init_fields)
DEFINE_PARSE(DubStreamInit, dub_stream_init)

#define T DubFragmentData
static const DubField fragment_data_fields[] = {
    { "fragment_id", FIELD_ID, NEEDED, AT(fragment_id) },
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "sequence_number", FIELD_INT, NEEDED, AT(sequence_number), 0, DUB_WIRE_MAX_SEQUENCE },
    { "timestamp", FIELD_MS, NEEDED, AT(timestamp_ms) },
    { "audio", FIELD_AUDIO, NEEDED, AT(audio) },
    { "metadata", FIELD_OBJECT, MAY_BE, AT(metadata) },
};
#undef T
DEFINE_MESSAGE(DubFragmentData, dub_fragment_data, fragment_data_fields)
DEFINE_PARSE(DubFragmentData, dub_fragment_data)

#define T DubFragmentReceipt
static const DubField fragment_receipt_fields[] = {
    { "fragment_id", FIELD_ID, NEEDED, AT(fragment_id) },
    { "status", FIELD_CHOICE, NEEDED, AT(status), .choices = "received|applied" },
    { "timestamp", FIELD_MS, NEEDED, AT(timestamp_ms) },
};
#undef T
DEFINE_MESSAGE(DubFragmentReceipt, dub_fragment_receipt, fragment_receipt_fields)
DEFINE_PARSE(DubFragmentReceipt, dub_fragment_receipt)

#define T DubStreamControl
static const DubField stream_control_fields[] = {
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "reason", FIELD_TEXT, MAY_BE, AT(reason) },
};
#undef T
DEFINE_MESSAGE(DubStreamControl, dub_stream_control, stream_control_fields)
DEFINE_PARSE(DubStreamControl, dub_stream_control)

#define T DubDisconnectSimulation
static const DubField disconnect_simulation_fields[] = {
    { "delay_ms", FIELD_UINT, MAY_BE, AT(delay_ms), 0, DUB_WIRE_MAX_DELAY_MS, "0" },
};
#undef T
DEFINE_MESSAGE(DubDisconnectSimulation, dub_disconnect_simulation, disconnect_simulation_fields)
DEFINE_PARSE(DubDisconnectSimulation, dub_disconnect_simulation)

#define T DubErrorRule
static const DubField rule_fields[] = {
    /* `value` has the type that the trigger asks for: see read_value() */
    { "trigger", FIELD_CHOICE, NEEDED, AT(trigger), .choices = "sequence_number|fragment_id|nth_fragment" },
    { "error_code", FIELD_WORD, NEEDED, AT(error_code) },
    { "error_message", FIELD_TEXT, MAY_BE, AT(error_message) },
    { "retryable", FIELD_BOOL, MAY_BE, AT(retryable), .fallback = "true" },
    { "stage", FIELD_WORD, MAY_BE, AT(stage), .choices = "asr|translation|tts" },
};
#undef T
static const DubMessageSpec rule_spec = MESSAGE_SPEC(DubErrorRule, rule_fields);

void dub_error_rule_free(DubErrorRule *self)
{
    if (self)
        g_free(self->id);
    dub_message_free(&rule_spec, self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubErrorRule, dub_error_rule_free)

static bool read_value(const DubJson *object, DubErrorRule *rule, GError **error)
{
    rule->number = -1;
    if (rule->trigger != DUB_TRIGGER_FRAGMENT_ID) {
        const int64_t min = rule->trigger == DUB_TRIGGER_NTH_FRAGMENT;
        return dub_json_get_int(object, "value", NEEDED, min, DUB_WIRE_MAX_SEQUENCE, &rule->number, error);
    }
    const char *id = NULL;
    if (!dub_json_get_string(object, "value", NEEDED, &id, error))
        return false;
    rule->id = g_strdup(id);
    return true;
}

static bool read_rules(const DubJson *list, GPtrArray *rules, GError **error)
{
    if (json_array_size(list) > DUB_WIRE_MAX_RULES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "rules: more than %d", DUB_WIRE_MAX_RULES);
        return false;
    }
    for (gsize i = 0; i < json_array_size(list); i++) {
        const DubJson *object = json_array_get(list, i);
        if (!json_is_object(object)) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "rules[%" G_GSIZE_FORMAT "]: not an object", i);
            return false;
        }
        g_autoptr(DubErrorRule) rule = dub_message_parse(&rule_spec, object, error);
        if (!rule || !read_value(object, rule, error)) {
            g_prefix_error(error, "rules[%" G_GSIZE_FORMAT "].", i);
            return false;
        }
        g_ptr_array_add(rules, g_steal_pointer(&rule));
    }
    return true;
}

DubErrorSimulation *dub_error_simulation_new(void)
{
    DubErrorSimulation *self = g_new0(DubErrorSimulation, 1);
    self->rules = g_ptr_array_new_with_free_func((GDestroyNotify) dub_error_rule_free);
    return self;
}

DubErrorSimulation *dub_error_simulation_parse(const DubJson *payload, GError **error)
{
    g_autoptr(DubErrorSimulation) self = dub_error_simulation_new();
    const DubJson *list = NULL;
    if (!json_is_object(payload)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "payload: not an object");
        return NULL;
    }
    if (!dub_json_get_bool(payload, "enabled", NEEDED, &self->enabled, error) ||
        !dub_json_get_array(payload, "rules", self->enabled ? NEEDED : MAY_BE, &list, error) ||
        !read_rules(self->enabled ? list : NULL, self->rules, error))
        return NULL;
    return g_steal_pointer(&self);
}

static DubJson *rule_to_json(const DubErrorRule *rule)
{
    DubJson *object = dub_message_to_json(&rule_spec, rule);
    json_object_set_new(object, "value", rule->id ? json_string(rule->id) : json_integer(rule->number));
    return object;
}

DubJson *dub_error_simulation_to_json(const DubErrorSimulation *self)
{
    DubJson *list = json_array();
    for (guint i = 0; i < self->rules->len; i++)
        json_array_append_new(list, rule_to_json(g_ptr_array_index(self->rules, i)));
    return json_pack("{s:b, s:o}", "enabled", self->enabled, "rules", list);
}

void dub_error_simulation_free(DubErrorSimulation *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->rules);
    g_free(self);
}
