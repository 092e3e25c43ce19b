/* Each event in each state, and what time does to a lease that is ours. */
#include "worker/lease.h"

#include "base/clock.h"

#define S   DUB_NS_PER_S
#define TTL (3 * S)

enum {
    NONE = DUB_LEASE_DO_NOTHING,
    LOST = DUB_LEASE_SAY_LOST,
    RELEASE = DUB_LEASE_SEND_RELEASE,
    TAKE = DUB_LEASE_SEND_TAKE,
    RENEW = DUB_LEASE_SEND_RENEW,
    WON = DUB_LEASE_SAY_WON,
    OTHERS = DUB_LEASE_SAY_OTHERS
};

typedef struct {
    DubLeaseState state;
    unsigned actions;
} Outcome;

/* rows: states; columns: events, in their order */
static const Outcome outcomes[DUB_N_LEASE_STATES][DUB_N_LEASE_EVENTS] = {
    { { DUB_LEASE_TAKING, TAKE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE } },
    { { DUB_LEASE_TAKING, NONE },
      { DUB_LEASE_TAKING, NONE },
      { DUB_LEASE_HELD, WON },
      { DUB_LEASE_OTHERS, OTHERS },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_IDLE, NONE },
      { DUB_LEASE_TAKING, NONE },
      { DUB_LEASE_IDLE, RELEASE } },
    { { DUB_LEASE_TAKING, TAKE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_OTHERS, NONE },
      { DUB_LEASE_IDLE, NONE } },
    { { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_RENEWING, RENEW },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_IDLE, LOST | RELEASE },
      { DUB_LEASE_IDLE, RELEASE } },
    { { DUB_LEASE_RENEWING, NONE },
      { DUB_LEASE_RENEWING, NONE },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_OTHERS, LOST | OTHERS },
      { DUB_LEASE_RENEWING, NONE },
      { DUB_LEASE_HELD, NONE },
      { DUB_LEASE_IDLE, LOST | RELEASE },
      { DUB_LEASE_IDLE, RELEASE } },
};

static const DubLeaseTerms terms = { .token = 7, .generation = 1, .wait_ns = S };

static void bring_to(DubLease *lease, DubLeaseState state)
{
    dub_lease_init(lease, TTL);
    if (state == DUB_LEASE_IDLE)
        return;
    dub_lease_step(lease, DUB_LEASE_EV_TAKE, NULL, 0);
    if (state == DUB_LEASE_OTHERS)
        dub_lease_step(lease, DUB_LEASE_EV_REFUSED, &terms, 0);
    if (state == DUB_LEASE_HELD || state == DUB_LEASE_RENEWING)
        dub_lease_step(lease, DUB_LEASE_EV_GRANTED, &terms, 0);
    if (state == DUB_LEASE_RENEWING)
        dub_lease_step(lease, DUB_LEASE_EV_RENEW, NULL, S);
}

static void test_every_transition(void)
{
    for (DubLeaseState state = 0; state < DUB_N_LEASE_STATES; state++) {
        for (DubLeaseEvent event = 0; event < DUB_N_LEASE_EVENTS; event++) {
            DubLease lease;
            bring_to(&lease, state);
            g_assert_cmpint(lease.state, ==, state);
            g_test_message("%s, %s", dub_lease_state_to_string(state), dub_lease_event_to_string(event));
            const unsigned actions = dub_lease_step(&lease, event, &terms, S);
            g_assert_cmpstr(dub_lease_state_to_string(lease.state), ==,
                            dub_lease_state_to_string(outcomes[state][event].state));
            g_assert_cmpuint(actions, ==, outcomes[state][event].actions);
        }
    }
    g_assert_cmpstr(dub_lease_state_to_string(DUB_N_LEASE_STATES), ==, "invalid");
    g_assert_cmpstr(dub_lease_event_to_string(DUB_N_LEASE_EVENTS), ==, "invalid");
}

/* Ours from the sending of the request, and no longer than nine tenths of the TTL. */
static void test_counts_from_the_sending(void)
{
    DubLease lease;
    dub_lease_init(&lease, TTL);
    dub_lease_step(&lease, DUB_LEASE_EV_TAKE, NULL, 10 * S);
    dub_lease_step(&lease, DUB_LEASE_EV_GRANTED, &terms, 11 * S);
    g_assert_true(dub_lease_is_ours(&lease, 10 * S + TTL * 9 / 10 - 1));
    g_assert_false(dub_lease_is_ours(&lease, 10 * S + TTL * 9 / 10));
    DubLeaseEvent event;
    g_assert_cmpint(dub_lease_due(&lease, &event), ==, 10 * S + TTL / 3);
    g_assert_cmpint(event, ==, DUB_LEASE_EV_RENEW);
}

/* Who stood still finds a grant that is as old as its request. */
static void test_late_grant_is_given_back(void)
{
    DubLease lease;
    dub_lease_init(&lease, TTL);
    dub_lease_step(&lease, DUB_LEASE_EV_TAKE, NULL, 0);
    g_assert_cmpuint(dub_lease_step(&lease, DUB_LEASE_EV_GRANTED, &terms, TTL), ==, RELEASE);
    g_assert_cmpint(lease.state, ==, DUB_LEASE_IDLE);
}

/* Whatever comes first after the end, the end comes before it. */
static void test_end_comes_before_what_came_late(void)
{
    for (DubLeaseEvent event = 0; event < DUB_LEASE_EV_DROP; event++) {
        DubLease lease;
        bring_to(&lease, DUB_LEASE_RENEWING);
        g_assert_cmpuint(dub_lease_step(&lease, event, &terms, TTL), ==, LOST | RELEASE);
        g_assert_cmpint(lease.state, ==, DUB_LEASE_IDLE);
    }
}

/* A renewal without an answer is asked for again before the end, more than once. */
static void test_renewal_is_asked_for_again(void)
{
    DubLease lease;
    bring_to(&lease, DUB_LEASE_HELD);
    guint n_asked = 0;
    for (;;) {
        DubLeaseEvent event;
        const int64_t now = dub_lease_due(&lease, &event);
        const unsigned actions = dub_lease_step(&lease, event, NULL, now);
        n_asked += (actions & RENEW) != 0;
        if (!(actions & LOST))
            continue;
        g_assert_cmpint(now, ==, TTL * 9 / 10);
        break;
    }
    g_assert_cmpuint(n_asked, >=, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/lease/every-transition", test_every_transition);
    g_test_add_func("/worker/lease/counts-from-the-sending", test_counts_from_the_sending);
    g_test_add_func("/worker/lease/late-grant-is-given-back", test_late_grant_is_given_back);
    g_test_add_func("/worker/lease/end-comes-before-what-came-late", test_end_comes_before_what_came_late);
    g_test_add_func("/worker/lease/renewal-is-asked-for-again", test_renewal_is_asked_for_again);
    return g_test_run();
}
