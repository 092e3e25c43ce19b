/* base/metrics.c: families from a table, children by their label text. */
#include "base/metrics.h"

#include "base/log.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABELS        4
#define MAX_CHILDREN      4096 /* a family: label values may come from peers, so they are bounded */
#define CHILD_LABEL_BYTES 64   /* a first guess at a child's label text */

typedef struct {
    char *values[MAX_LABELS]; /* owned; as given */
    double value;             /* counter, gauge; HISTOGRAM: the sum */
    guint64 count;            /* HISTOGRAM */
    guint64 *buckets; /* HISTOGRAM: not cumulative; n_buckets of them, what is above the last is in count only */
} Child;

typedef struct {
    const DubMetricSpec *spec;
    char **labels; /* names, ended by NULL */
    guint n_labels;
    guint n_buckets;
    GHashTable *children; /* label text as it is printed -> Child */
    bool full_reported;
} Family;

struct _DubMetrics {
    GMutex lock; /* guards everything below families */
    Family *families;
    gsize n_families;
};

static void child_free(void *data)
{
    Child *child = data;
    for (guint i = 0; i < MAX_LABELS; i++)
        g_free(child->values[i]);
    g_free(child->buckets);
    g_free(child);
}

static Child *add_child(Family *family, const char *const *values, const char *text)
{
    Child *child = g_new0(Child, 1);
    for (guint i = 0; i < family->n_labels; i++)
        child->values[i] = g_strdup(values[i]);
    if (family->n_buckets > 0)
        child->buckets = g_new0(guint64, family->n_buckets);
    g_hash_table_insert(family->children, g_strdup(text), child);
    return child;
}

static void family_init(Family *family, const DubMetricSpec *spec)
{
    family->spec = spec;
    family->labels = spec->labels ? g_strsplit(spec->labels, ",", -1) : g_new0(char *, 1);
    family->n_labels = g_strv_length(family->labels);
    g_assert(family->n_labels <= MAX_LABELS);
    if (spec->type == DUB_METRIC_HISTOGRAM) {
        while (spec->buckets[family->n_buckets] != 0)
            family->n_buckets++;
    }
    family->children = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, child_free);
    if (family->n_labels == 0)
        add_child(family, NULL, "");
}

DubMetrics *dub_metrics_new(const DubMetricSpec *specs, gsize n_specs)
{
    DubMetrics *self = g_new0(DubMetrics, 1);
    g_mutex_init(&self->lock);
    self->families = g_new0(Family, n_specs);
    self->n_families = n_specs;
    for (gsize i = 0; i < n_specs; i++)
        family_init(&self->families[i], &specs[i]);
    return self;
}

void dub_metrics_free(DubMetrics *self)
{
    if (!self)
        return;
    for (gsize i = 0; i < self->n_families; i++) {
        g_strfreev(self->families[i].labels);
        g_hash_table_unref(self->families[i].children);
    }
    g_free(self->families);
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* Text format 0.0.4: backslash, quote and line feed are escaped in a label's value; everything else is UTF-8. */
static void append_label(GString *out, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    if (out->len > 0)
        g_string_append_c(out, ',');
    g_string_append_printf(out, "%s=\"", name);
    for (const char *p = valid; *p; p++) {
        if (*p == '\n')
            g_string_append(out, "\\n");
        else if (*p == '\\' || *p == '"')
            g_string_append_printf(out, "\\%c", *p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

static GString *label_text(const Family *family, const char *const *values)
{
    GString *text = g_string_sized_new(CHILD_LABEL_BYTES);
    for (guint i = 0; i < family->n_labels; i++)
        append_label(text, family->labels[i], values[i]);
    return text;
}

static void read_values(const Family *family, va_list args, const char **values)
{
    guint n = 0;
    for (const char *value; (value = va_arg(args, const char *)); n++) {
        g_assert(n < family->n_labels);
        values[n] = value;
    }
    g_assert(n == family->n_labels); /* our own mistake: a label forgotten */
}

/* Lock held. Returns: NULL when the family is full. */
static Child *get_child(Family *family, const char *const *values)
{
    GString *text = label_text(family, values);
    Child *child = g_hash_table_lookup(family->children, text->str);
    if (!child && g_hash_table_size(family->children) < MAX_CHILDREN)
        child = add_child(family, values, text->str);
    if (!child && !family->full_reported) {
        family->full_reported = true;
        dub_warning("metrics: %s has %d series; further ones are not counted", family->spec->name, MAX_CHILDREN);
    }
    g_string_free(text, TRUE);
    return child;
}

static void add(G_GNUC_UNUSED const Family *family, Child *child, double amount)
{
    child->value += amount;
}

static void set(G_GNUC_UNUSED const Family *family, Child *child, double value)
{
    child->value = value;
}

static void observe(const Family *family, Child *child, double value)
{
    child->value += value;
    child->count++;
    for (guint i = 0; i < family->n_buckets; i++) {
        if (value <= family->spec->buckets[i]) {
            child->buckets[i]++;
            return;
        }
    }
}

/* @labels: the values of the family's labels, ended by NULL */
static void change(DubMetrics *self, Family *family, void (*how)(const Family *, Child *, double), double value,
                   va_list labels)
{
    const char *values[MAX_LABELS] = { NULL };
    read_values(family, labels, values);
    g_mutex_lock(&self->lock);
    Child *child = get_child(family, values);
    if (child)
        how(family, child, value);
    g_mutex_unlock(&self->lock);
}

void dub_metrics_add(DubMetrics *self, guint metric, double amount, ...)
{
    g_return_if_fail(metric < self->n_families);
    Family *family = &self->families[metric];
    g_return_if_fail(family->spec->type == DUB_METRIC_GAUGE ||
                     (family->spec->type == DUB_METRIC_COUNTER && amount >= 0));
    va_list labels;
    va_start(labels, amount);
    change(self, family, add, amount, labels);
    va_end(labels);
}

void dub_metrics_set(DubMetrics *self, guint metric, double value, ...)
{
    g_return_if_fail(metric < self->n_families);
    Family *family = &self->families[metric];
    g_return_if_fail(family->spec->type != DUB_METRIC_HISTOGRAM);
    va_list labels;
    va_start(labels, value);
    change(self, family, set, value, labels);
    va_end(labels);
}

void dub_metrics_observe(DubMetrics *self, guint metric, double value, ...)
{
    g_return_if_fail(metric < self->n_families);
    Family *family = &self->families[metric];
    g_return_if_fail(family->spec->type == DUB_METRIC_HISTOGRAM && !isnan(value));
    va_list labels;
    va_start(labels, value);
    change(self, family, observe, value, labels);
    va_end(labels);
}

typedef struct {
    guint label; /* index */
    const char *value;
} Wanted;

static gboolean has_value(G_GNUC_UNUSED void *key, void *data, void *user_data)
{
    const Child *child = data;
    const Wanted *wanted = user_data;
    return strcmp(child->values[wanted->label], wanted->value) == 0;
}

void dub_metrics_remove(DubMetrics *self, const char *label, const char *value)
{
    g_mutex_lock(&self->lock);
    for (gsize i = 0; i < self->n_families; i++) {
        Family *family = &self->families[i];
        for (guint n = 0; n < family->n_labels; n++) {
            if (strcmp(family->labels[n], label) != 0)
                continue;
            Wanted wanted = { n, value };
            g_hash_table_foreach_remove(family->children, has_value, &wanted);
        }
    }
    g_mutex_unlock(&self->lock);
}

/* The shortest text that reads back as the same number. */
static void append_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (isnan(value) || isinf(value)) {
        g_string_append(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    g_ascii_formatd(text, sizeof text, "%.15g", value);
    if (g_ascii_strtod(text, NULL) != value)
        g_ascii_formatd(text, sizeof text, "%.17g", value);
    g_string_append(out, text);
}

static void append_sample(GString *out, const char *name, const char *suffix, const char *labels, double value)
{
    g_string_append(out, name);
    g_string_append(out, suffix);
    if (*labels)
        g_string_append_printf(out, "{%s}", labels);
    g_string_append_c(out, ' ');
    append_number(out, value);
    g_string_append_c(out, '\n');
}

static void append_bucket(GString *out, const char *name, const char *labels, double bound, guint64 count)
{
    g_string_append_printf(out, "%s_bucket{%s%sle=\"", name, labels, *labels ? "," : "");
    append_number(out, bound);
    g_string_append_printf(out, "\"} %" G_GUINT64_FORMAT "\n", count);
}

static void append_histogram(GString *out, const Family *family, const char *labels, const Child *child)
{
    const char *name = family->spec->name;
    guint64 below = 0;
    for (guint i = 0; i < family->n_buckets; i++) {
        below += child->buckets[i];
        append_bucket(out, name, labels, family->spec->buckets[i], below);
    }
    append_bucket(out, name, labels, INFINITY, child->count);
    append_sample(out, name, "_sum", labels, child->value);
    append_sample(out, name, "_count", labels, (double) child->count);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static const char *type_name(DubMetricType type)
{
    switch (type) {
    case DUB_METRIC_COUNTER: return "counter";
    case DUB_METRIC_GAUGE: return "gauge";
    case DUB_METRIC_HISTOGRAM: return "histogram";
    }
    return "untyped";
}

static void append_help(GString *out, const DubMetricSpec *spec)
{
    g_string_append_printf(out, "# HELP %s ", spec->name);
    for (const char *p = spec->help; *p; p++) {
        if (*p == '\n')
            g_string_append(out, "\\n");
        else if (*p == '\\')
            g_string_append(out, "\\\\");
        else
            g_string_append_c(out, *p);
    }
    g_string_append_printf(out, "\n# TYPE %s %s\n", spec->name, type_name(spec->type));
}

/* Sorted, so that two scrapes differ only where a value does. */
static void append_family(GString *out, const Family *family)
{
    guint n = 0;
    g_autofree char **keys = (char **) g_hash_table_get_keys_as_array(family->children, &n);
    if (n == 0)
        return;
    qsort(keys, n, sizeof keys[0], compare_keys);
    append_help(out, family->spec);
    for (guint i = 0; i < n; i++) {
        const Child *child = g_hash_table_lookup(family->children, keys[i]);
        if (family->spec->type == DUB_METRIC_HISTOGRAM)
            append_histogram(out, family, keys[i], child);
        else
            append_sample(out, family->spec->name, "", keys[i], child->value);
    }
}

char *dub_metrics_to_text(DubMetrics *self)
{
    GString *out = g_string_sized_new(4096);
    g_mutex_lock(&self->lock);
    for (gsize i = 0; i < self->n_families; i++)
        append_family(out, &self->families[i]);
    g_mutex_unlock(&self->lock);
    return g_string_free(out, FALSE);
}
