/* sts/faults.c */
#include "sts/faults.h"

#include <string.h>

void dub_sts_faults_set(DubStsFaults *self, DubErrorSimulation *simulation)
{
    dub_error_simulation_free(self->simulation);
    self->simulation = simulation;
    self->n_seen = 0;
}

static bool is_met(const DubErrorRule *rule, const DubFragmentData *fragment, uint64_t n)
{
    switch (rule->trigger) {
    case DUB_TRIGGER_SEQUENCE_NUMBER: return rule->number == fragment->sequence_number;
    case DUB_TRIGGER_FRAGMENT_ID: return strcmp(rule->id, fragment->fragment_id) == 0;
    case DUB_TRIGGER_NTH_FRAGMENT: return n % (uint64_t) rule->number == 0;
    }
    return false;
}

const DubErrorRule *dub_sts_faults_next(DubStsFaults *self, const DubFragmentData *fragment)
{
    self->n_seen++;
    for (guint i = 0; self->simulation && i < self->simulation->rules->len; i++) {
        const DubErrorRule *rule = g_ptr_array_index(self->simulation->rules, i);
        if (is_met(rule, fragment, self->n_seen))
            return rule;
    }
    return NULL;
}
