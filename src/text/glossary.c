/* text/glossary.c: loads glossaries and holds them: which words are a term, and what it is called in the
 * other language. */
#include "text/glossary.h"

#include "base/error.h"
#include "text/data-files.h"
#include "text/english.h"
#include "text/glossary-private.h"
#include "text/spanish.h"
#include "text/words.h"

#include <string.h>

#define FOLDER "glossaries"
#define SUFFIX ".tsv"

static void entry_free(void *data)
{
    DubGlossaryEntry *entry = data;
    dub_glossary_row_clear(&entry->row);
    g_free(entry);
}

static void term_free(void *data)
{
    DubGlossaryTerm *next;
    for (DubGlossaryTerm *term = data; term; term = next) {
        next = term->next;
        g_free(term->source);
        g_free(term);
    }
}

/* "es-419" and "es_MX" are "es". */
static char *language_of(const char *name)
{
    return g_ascii_strdown(name, (gssize) strcspn(name, "-_"));
}

static DubGlossary *glossary_new(const char *from, const char *to)
{
    DubGlossary *self = g_new0(DubGlossary, 1);
    g_atomic_ref_count_init(&self->references);
    self->from_english = g_str_equal(from, "en");
    self->to_spanish = g_str_equal(to, "es");
    self->entries = g_ptr_array_new_with_free_func(entry_free);
    self->sources = g_ptr_array_new();
    self->terms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, term_free);
    self->spoken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

DubGlossary *dub_glossary_ref(DubGlossary *self)
{
    g_atomic_ref_count_inc(&self->references);
    return self;
}

void dub_glossary_unref(DubGlossary *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->references))
        return;
    g_hash_table_unref(self->terms);
    g_hash_table_unref(self->spoken);
    g_ptr_array_unref(self->sources);
    g_ptr_array_unref(self->entries);
    g_free(self);
}

const char *const *dub_glossary_terms(const DubGlossary *self)
{
    return (const char *const *) self->sources->pdata;
}

/* @key: (transfer full). Of two terms with the same words and of one kind the first counts. */
static void add_term(DubGlossary *self, const DubGlossaryEntry *entry, const char *source, guint form)
{
    g_autoptr(GArray) words = dub_words_find(source);
    g_autofree char *key = dub_words_key(words, 0, words->len);
    DubGlossaryTerm *first = g_hash_table_lookup(self->terms, key);
    DubGlossaryTerm *last = NULL;
    for (DubGlossaryTerm *other = first; other; other = other->next) {
        if ((other->entry->row.kind == DUB_KIND_VERB) == (entry->row.kind == DUB_KIND_VERB))
            return;
        last = other;
    }
    DubGlossaryTerm *term = g_new0(DubGlossaryTerm, 1);
    term->entry = entry;
    term->source = g_strdup(source);
    term->form = form;
    if (last)
        last->next = term;
    else
        g_hash_table_insert(self->terms, g_steal_pointer(&key), term);
    self->longest = MAX(self->longest, words->len);
}

static void add_noun(DubGlossary *self, const DubGlossaryEntry *entry)
{
    const DubGlossaryRow *row = &entry->row;
    add_term(self, entry, row->sources[0], row->plural ? 1 : 0);
    if (row->plural)
        return;
    if (row->sources[1]) {
        add_term(self, entry, row->sources[1], 1);
    } else if (self->from_english) {
        g_autofree char *plural = dub_english_plural(row->sources[0]);
        add_term(self, entry, plural, 1);
    }
}

/* "be fouled" is "are fouled" and "were fouled" too. */
static void add_forms_of_be(DubGlossary *self, const DubGlossaryEntry *entry)
{
    static const struct {
        const char *word;
        DubEnglishForm form;
    } forms[] = { { "am", DUB_ENGLISH_BASE }, { "are", DUB_ENGLISH_BASE }, { "were", DUB_ENGLISH_PAST } };
    const char *source = entry->row.sources[0];
    for (gsize i = 0; i < G_N_ELEMENTS(forms) && g_str_has_prefix(source, "be "); i++) {
        g_autofree char *form = g_strconcat(forms[i].word, source + strlen("be"), NULL);
        add_term(self, entry, form, forms[i].form);
    }
}

static void add_verb(DubGlossary *self, const DubGlossaryEntry *entry)
{
    char **sources = entry->row.sources;
    add_term(self, entry, sources[0], DUB_ENGLISH_BASE);
    for (guint form = DUB_ENGLISH_THIRD; form < DUB_N_ENGLISH_FORMS; form++) {
        if (sources[1]) {
            add_term(self, entry, sources[form], form);
        } else if (self->from_english) {
            g_autofree char *inflected = dub_english_verb(sources[0], form);
            add_term(self, entry, inflected, form);
        }
    }
    if (self->from_english)
        add_forms_of_be(self, entry);
}

static void add_spoken_form(DubGlossary *self, const char *target, const char *spoken)
{
    g_autoptr(GArray) words = dub_words_find(target);
    char *key = dub_words_key(words, 0, words->len);
    if (g_hash_table_contains(self->spoken, key)) {
        g_free(key);
        return;
    }
    g_hash_table_insert(self->spoken, key, g_strdup(spoken));
    self->longest_spoken = MAX(self->longest_spoken, words->len);
}

static void add_spoken(DubGlossary *self, const DubGlossaryRow *row)
{
    if (!row->spoken)
        return;
    add_spoken_form(self, row->targets[0], row->spoken);
    if (!self->to_spanish || !dub_glossary_kind_is_noun(row->kind) || row->plural)
        return;
    g_autofree char *plural = dub_glossary_plural_target(self, row);
    g_autofree char *with_s =
        g_strconcat(row->targets[0], "s", NULL); /* a loan word's plural is heard as it is written */
    g_autofree char *spoken =
        g_str_equal(plural, with_s) ? g_strconcat(row->spoken, "s", NULL) : dub_spanish_plural(row->spoken);
    add_spoken_form(self, plural, spoken);
}

static bool has_capital(const char *text)
{
    for (const char *c = text; *c; c = g_utf8_next_char(c))
        if (g_unichar_isupper(g_utf8_get_char(c)))
            return true;
    return false;
}

/* @row: (transfer full). Returns: NULL, or (transfer full) what is wrong */
static char *add_row(DubGlossary *self, DubGlossaryRow *row)
{
    if (self->entries->len == DUB_GLOSSARY_ENTRIES_MOST)
        return g_strdup_printf("more than %d entries", DUB_GLOSSARY_ENTRIES_MOST);
    if (self->to_spanish && row->kind == DUB_KIND_VERB && !dub_spanish_is_verb(row->targets[0]))
        return g_strdup_printf("target: '%s' does not begin with an infinitive", row->targets[0]);
    DubGlossaryEntry *entry = g_new0(DubGlossaryEntry, 1);
    entry->row = *row;
    *row = (DubGlossaryRow){ 0 };
    entry->has_capital = has_capital(entry->row.sources[0]);
    g_ptr_array_add(self->entries, entry);
    g_ptr_array_add(self->sources, entry->row.sources[0]);
    if (dub_glossary_kind_is_noun(entry->row.kind))
        add_noun(self, entry);
    else if (entry->row.kind == DUB_KIND_VERB)
        add_verb(self, entry);
    else
        add_term(self, entry, entry->row.sources[0], 0);
    add_spoken(self, &entry->row);
    return NULL;
}

static char *add_line(DubGlossary *self, const char *line)
{
    DubGlossaryRow row;
    char *problem = dub_glossary_row_parse(line, &row);
    if (!problem && row.sources)
        problem = add_row(self, &row);
    dub_glossary_row_clear(&row);
    return problem;
}

static bool add_file(DubGlossary *self, const char *path, GError **error)
{
    g_autofree char *text = dub_data_files_read(path, DUB_GLOSSARY_FILE_MOST_BYTES, error);
    if (!text)
        return false;
    unsigned number = 0;
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        g_autofree char *problem = add_line(self, line);
        if (!problem)
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s:%u: %s", path, number, problem);
        return false;
    }
    return true;
}

char **dub_glossary_list(void)
{
    char **names = dub_data_files_list(FOLDER, SUFFIX);
    for (char **name = names; *name; name++) {
        (*name)[strlen(*name) - strlen(SUFFIX)] = '\0';
        char *dot = strrchr(*name, '.');
        if (dot)
            *dot = ' ';
    }
    return names;
}

static void set_no_such_name(const char *name, const char *from, const char *to, GError **error)
{
    g_auto(GStrv) names = dub_glossary_list();
    g_autofree char *known = g_strjoinv(", ", names);
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "there is no glossary '%.100s' from %.10s to %.10s; there are: %s. A file of your own needs "
                "a '/' in its name, or the ending " SUFFIX,
                name, from, to, *known ? known : "none");
}

static bool is_file_name(const char *item)
{
    return strchr(item, '/') || g_str_has_suffix(item, SUFFIX);
}

static bool add_item(DubGlossary *self, const char *item, const char *from, const char *to, GError **error)
{
    if (is_file_name(item))
        return add_file(self, item, error);
    g_autofree char *file = g_strdup_printf("%s.%s-%s" SUFFIX, item, from, to);
    g_autofree char *path = dub_data_files_path(FOLDER, file);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return add_file(self, path, error);
    set_no_such_name(item, from, to, error);
    return false;
}

DubGlossary *dub_glossary_load(const char *spec, const char *from, const char *to, GError **error)
{
    g_autofree char *source = language_of(from);
    g_autofree char *target = language_of(to);
    g_autoptr(DubGlossary) self = glossary_new(source, target);
    g_auto(GStrv) items = g_strsplit(spec, ",", -1);
    if (g_strv_length(items) > DUB_GLOSSARY_FILES_MOST) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "glossary: more than %d files",
                    DUB_GLOSSARY_FILES_MOST);
        return NULL;
    }
    for (char **item = items; *item; item++)
        if (*g_strstrip(*item) && !add_item(self, *item, source, target, error))
            return NULL;
    g_ptr_array_add(self->sources, NULL);
    return g_steal_pointer(&self);
}

char *dub_glossary_plural_target(const DubGlossary *self, const DubGlossaryRow *row)
{
    if (row->targets[1])
        return g_strdup(row->targets[1]);
    return self->to_spanish && !row->plural ? dub_spanish_plural(row->targets[0]) : g_strdup(row->targets[0]);
}

char *dub_glossary_term_target(const DubGlossary *self, const DubGlossaryTerm *term)
{
    const DubGlossaryRow *row = &term->entry->row;
    if (dub_glossary_kind_is_noun(row->kind) && term->form == 1)
        return dub_glossary_plural_target(self, row);
    return g_strdup(row->targets[0]);
}

/* The longest key of @table that begins at @first. @n: (out): its words */
static const char *find_spoken(const DubGlossary *self, const GArray *words, guint first, guint *n)
{
    for (*n = dub_words_run(words, first, self->longest_spoken); *n > 0; (*n)--) {
        g_autofree char *key = dub_words_key(words, first, *n);
        const char *spoken = g_hash_table_lookup(self->spoken, key);
        if (spoken)
            return spoken;
    }
    return NULL;
}

char *dub_glossary_spoken(const DubGlossary *self, const char *text)
{
    g_autoptr(GArray) words = dub_words_find(text);
    GString *result = g_string_new(NULL);
    gsize done = 0;
    for (guint i = 0; i < words->len;) {
        guint n = 0;
        const char *spoken = find_spoken(self, words, i, &n);
        const DubWord *first = &g_array_index(words, DubWord, i);
        i += MAX(n, 1);
        if (!spoken)
            continue;
        const DubWord *last = &g_array_index(words, DubWord, i - 1);
        g_string_append_len(result, text + done, (gssize) (first->start - done));
        g_string_append(result, spoken);
        done = last->start + last->length;
    }
    g_string_append(result, text + done);
    return g_string_free(result, FALSE);
}
