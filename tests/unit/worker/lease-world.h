/* Many services, one store of leases and a network between them, under virtual time. Everything that goes wrong is
 * drawn from one seed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint n_streams, n_nodes, n_servers; /* a server has some of the streams, and some of the nodes take them from it */
    guint most_streams;                  /* MAX_CONCURRENT_STREAMS of a node */
    guint ttl_ms, seconds;
    guint publish_ms; /* from one stream of a server to its next */
    guint32 seed;
    bool has_faults;
} LeaseWorldConfig;

typedef struct {
    guint n_twice; /* moments at which a stream had two owners */
    guint most_on_a_node, least_on_a_node;
    guint n_orphans;      /* at the end */
    double longest_gap_s; /* without an owner, from when the last one's end began or the store was there again */
    guint n_deaths, n_pauses, n_restarts, n_partings, n_won, n_lost;
} LeaseWorldResult;

void lease_world_run(const LeaseWorldConfig *config, LeaseWorldResult *result);
