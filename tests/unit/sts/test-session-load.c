/* Unit tests of sts/session: what a client is told of pressure, its place in the queue and when to expect an answer. */
#include "session-rig.h"

static void test_pressure_full(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    for (unsigned n = 0; n < 11; n++) {
        send_fragment(&rig, n);
        expect(&rig, n < 10 ? "fragment:ack" : "error",
               n < 10 ? "{}"
                      : "{'code':'BACKPRESSURE_EXCEEDED',"
                        "'severity':'warning','retryable':true,'fragment_id':'f10'}");
        if (n == 3)
            expect(&rig, "backpressure",
                   "{'severity':'medium','current_inflight':4,'queue_depth':2,'action':'slow_down'}");
        if (n == 6)
            expect(&rig, "backpressure", "{'severity':'high','current_inflight':7,'queue_depth':5,'action':'pause'}");
    }
    for (unsigned n = 0; n < 10; n++) {
        finish(&rig, n, DUB_PROCESSED_SUCCESS, n < 2 ? 1000 : 500 + n * 500); /* two at once, a second each */
        expect(&rig, "fragment:processed", "{}");
        if (n == 3)
            expect(&rig, "backpressure",
                   "{'severity':'medium','current_inflight':6,'action':'slow_down','recommended_delay_ms':1500}");
        if (n == 6)
            expect(&rig, "backpressure", "{'severity':'low','current_inflight':3,'action':'none'}");
    }
    tear_down(&rig);
}

static void test_pressure_echo(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, "{'stream_id':'s','worker_id':'w','max_inflight':4}", 10);
    take(&rig, 0, 4);
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'low','current_inflight':2,'action':'none'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'medium','current_inflight':3,'action':'slow_down'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'high','current_inflight':4,'action':'pause'}");
    for (unsigned n = 4; n-- > 1;)
        finish(&rig, n, DUB_PROCESSED_SUCCESS, 1);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    for (unsigned n = 0; n < 4; n++)
        expect(&rig, "fragment:processed", "{}");
    expect(&rig, "backpressure", "{'severity':'low','current_inflight':0,'action':'none'}");
    tear_down(&rig);
}

static void test_estimates(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1000);
    send_fragment(&rig, 1);
    send_fragment(&rig, 2);
    expect(&rig, "fragment:ack",
           "{'status':'queued','queue_position':0,'estimated_completion_ms':null}"); /* nothing is known yet */
    expect(&rig, "fragment:processed", "{}");
    expect(&rig, "fragment:ack", "{'status':'queued','queue_position':0,'estimated_completion_ms':1000}");
    expect(&rig, "fragment:ack", "{'status':'queued','queue_position':1,'estimated_completion_ms':2000}");
    tear_down(&rig);
}

/* What is taken up at once has the place 0, what waits its own, from 1. Sent again, what is worked on has none. */
static void test_position(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    take(&rig, 0, 3);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'queued','queue_position':0}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':0}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f2','status':'queued','queue_position':1}");
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1); /* its answer waits for that of f0 */
    take(&rig, 0, 3);
    for (int number = 0; number < 3; number++) /* sent again */
        expect(&rig, "fragment:ack", "{'status':'processing','queue_position':null}");
    tear_down(&rig);
}

/* Sent again while it waits: told its own place, and not that of one more. */
static void test_position_of_one_sent_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    take(&rig, 0, 3);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'queued','queue_position':0}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':1}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f2','status':'queued','queue_position':2}");
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':1}");
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1); /* its answer waits for that of f0 */
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'processing'}");
    tear_down(&rig);
}

/* A model of the work: `parallel` at once, the lowest number first, @ms for each give or take a fifth. */
typedef struct {
    guint parallel;
    double ms, done_ms[10]; /* when each of the parallel ones is free again */
    guint32 random;
} Model;

static double model_done_ms(Model *model, double now_ms)
{
    guint first = 0;
    for (guint i = 1; i < model->parallel; i++)
        if (model->done_ms[i] < model->done_ms[first])
            first = i;
    model->random = model->random * 1664525u + 1013904223u;
    const double takes_ms = model->ms * (0.8 + 0.4 * model->random / (double) G_MAXUINT32);
    return model->done_ms[first] = MAX(model->done_ms[first], now_ms) + takes_ms;
}

/* Returns: what the next ack expects; 0: nothing */
static double take_estimate(Rig *rig)
{
    g_autoptr(DubJson) event = g_ptr_array_steal_index(rig->events, 0);
    g_assert_cmpstr(json_string_value(json_array_get(event, 0)), ==, "fragment:ack");
    g_ptr_array_set_size(rig->events, 0); /* and whatever is told of pressure */
    return json_number_value(json_object_get(json_array_get(event, 1), "estimated_completion_ms"));
}

typedef struct {
    const char *name;
    guint parallel, in_flight;
} Load;

static const Load loads[] = {
    { "one-at-a-time", 1, 1 }, { "as-many-as-cores", 2, 2 }, { "usual-window", 2, 3 },
    { "full-window", 2, 7 },   { "one-core-full", 1, 10 },   { "more-cores", 4, 6 },
};

#define MODELLED 60 /* fragments; from the 30th on each takes four times as long */

typedef struct {
    double arrived_ms, done_ms, estimate_ms;
    bool is_out;
} Modelled;

static guint first_done(const Modelled *fragments, guint n)
{
    guint first = MODELLED;
    for (guint i = 0; i < n; i++)
        if (fragments[i].is_out && (first == MODELLED || fragments[i].done_ms < fragments[first].done_ms))
            first = i;
    return first;
}

/* From the 20th on, what is expected is the truth, give or take a third and the fifth by which it varies; and 20 after
 * the service became slower, that is known, too. */
static void check_estimates(const Modelled *fragments)
{
    for (guint n = 20; n < MODELLED; n++) {
        const double took_ms = fragments[n].done_ms - fragments[n].arrived_ms;
        g_test_message("%u: expected %.0f ms, took %.0f", n, fragments[n].estimate_ms, took_ms);
        if (n < 30 || n >= 50) {
            g_assert_cmpfloat(fragments[n].estimate_ms / took_ms, >, 0.6);
            g_assert_cmpfloat(fragments[n].estimate_ms / took_ms, <, 1.67);
        }
    }
}

/* So many are always out: with each answer the next comes. */
static void test_estimates_converge(const void *data)
{
    const Load *load = data;
    Model model = { .parallel = load->parallel, .ms = 800, .random = 1 };
    Modelled fragments[MODELLED] = { 0 };
    double now_ms = 0;
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", "{'stream_id':'s','worker_id':'w','timeout_ms':30000}");
    dub_sts_session_opened(rig.session, load->parallel, 0);
    for (guint n = 0; n < MODELLED; n++) {
        if (n == 30)
            model.ms *= 4;
        if (n >= load->in_flight) {
            Modelled *first = &fragments[first_done(fragments, n)];
            now_ms = first->done_ms;
            rig.now_ns = SECOND + (int64_t) (now_ms * (double) DUB_NS_PER_MS);
            first->is_out = false;
            finish(&rig, (unsigned) (first - fragments), DUB_PROCESSED_SUCCESS, now_ms - first->arrived_ms);
        }
        g_ptr_array_set_size(rig.events, 0);
        send_fragment(&rig, n);
        fragments[n] = (Modelled){ now_ms, model_done_ms(&model, now_ms), take_estimate(&rig), true };
    }
    check_estimates(fragments);
    tear_down(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(loads); i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/estimates-converge/%s", loads[i].name);
        g_test_add_data_func(path, &loads[i], test_estimates_converge);
    }
    g_test_add_func("/sts/session/pressure-full", test_pressure_full);
    g_test_add_func("/sts/session/pressure-echo", test_pressure_echo);
    g_test_add_func("/sts/session/estimates", test_estimates);
    g_test_add_func("/sts/session/position", test_position);
    g_test_add_func("/sts/session/position-of-one-sent-again", test_position_of_one_sent_again);
    return g_test_run();
}
