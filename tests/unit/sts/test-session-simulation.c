/* Unit tests of sts/session: errors that a client of an echo asks for. */
#include "session-rig.h"

static void test_simulation(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 10);
    send_event(
        &rig, "config:error_simulation",
        "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':2,'error_code':'TIMEOUT','stage':'asr'},"
        "{'trigger':'sequence_number','value':2,'error_code':'GPU_OOM','error_message':'full','retryable':false},"
        "{'trigger':'fragment_id','value':'f4','error_code':'MODEL_ERROR','stage':'tts'}]}");
    expect(&rig, "config:error_simulation:ack", "{'status':'accepted','rules_count':3}");
    for (unsigned n = 0; n < 5; n++) {
        send_fragment(&rig, n);
        finish(&rig, n, DUB_PROCESSED_SUCCESS, 1);
    }
    static const char *const answers[] = {
        "{'status':'success'}",
        "{'error':{'code':'TIMEOUT','message':'Simulated error','stage':'asr','retryable':true}}",
        "{'error':{'code':'GPU_OOM','message':'full','stage':'asr','retryable':false}}",
        "{'error':{'code':'TIMEOUT','message':'Simulated error','stage':'asr','retryable':true}}",
        "{'error':{'code':'MODEL_ERROR','message':'Simulated error','stage':'tts','retryable':true}}",
    };
    for (unsigned n = 0; n < 5; n++) {
        expect(&rig, "fragment:ack", "{}");
        expect(&rig, "fragment:processed", answers[n]);
    }
    send_event(&rig, "config:error_simulation", "{'enabled':false}");
    expect(&rig, "config:error_simulation:ack", "{'status':'accepted','rules_count':0}");
    tear_down(&rig);
}

typedef struct {
    const char *name, *payload, *message;
} Rejection;

static const Rejection rejections[] = {
    { "nothing", "{}", "enabled: missing" },
    { "no-rules", "{'enabled':true}", "rules: missing" },
    { "rules-type", "{'enabled':true,'rules':{}}", "rules: not an array" },
    { "rule-type", "{'enabled':true,'rules':[1]}", "rules[0]: not an object" },
    { "trigger", "{'enabled':true,'rules':[{'trigger':'moon'}]}",
      "rules[0].trigger: \"moon\" is not one of sequence_number, fragment_id, nth_fragment" },
    { "no-value", "{'enabled':true,'rules':[{'trigger':'sequence_number','error_code':'A'}]}",
      "rules[0].value: missing" },
    { "value-type", "{'enabled':true,'rules':[{'trigger':'fragment_id','value':1,'error_code':'A'}]}",
      "rules[0].value: not a string" },
    { "nth-zero", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':0,'error_code':'A'}]}",
      "rules[0].value: 0 is not within 1 and 9007199254740991" },
    { "no-code", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1}]}", "rules[0].error_code: missing" },
    { "code", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1,'error_code':''}]}",
      "rules[0].error_code: empty" },
    { "stage", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1,'error_code':'TIMEOUT','stage':'x'}]}",
      "rules[0].stage: \"x\" is not one of asr, translation, tts" },
};

static void test_rejection(const void *data)
{
    const Rejection *c = data;
    Rig rig;
    set_up(&rig, true);
    send_event(&rig, "config:error_simulation", c->payload);
    g_autoptr(DubJson) wanted = json_pack("{s:s, s:s}", "status", "rejected", "error_message", c->message);
    g_autofree char *text = dub_json_to_text(wanted);
    expect(&rig, "config:error_simulation:ack", text);
    tear_down(&rig);
}

static void test_simulation_is_for_echo(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "config:error_simulation", "{'enabled':true,'rules':[]}");
    expect(&rig, "config:error_simulation:ack",
           "{'status':'rejected','error_message':'errors are simulated in echo mode only'}");
    tear_down(&rig);
}

static void test_disconnect(void)
{
    Rig rig;
    set_up(&rig, true);
    send_event(&rig, "simulate:disconnect", "{'delay_ms':500}"); /* no stream is needed */
    expect(&rig, "simulate:disconnect:ack", "{'status':'scheduled','error_message':null}");
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + SECOND / 2);
    dub_sts_session_tick(rig.session, rig.now_ns + SECOND / 2 - 1);
    g_assert_cmpuint(rig.hung_up, ==, 0);
    send_event(&rig, "simulate:disconnect", "{}"); /* the newer one counts */
    expect(&rig, "simulate:disconnect:ack", "{'status':'scheduled'}");
    dub_sts_session_tick(rig.session, rig.now_ns);
    g_assert_cmpuint(rig.hung_up, ==, 1);
    dub_sts_session_tick(rig.session, rig.now_ns + SECOND);
    g_assert_cmpuint(rig.hung_up, ==, 1);
    g_assert_cmpuint(rig.closed, ==, 0);
    send_event(&rig, "simulate:disconnect", "{'delay_ms':-1}");
    expect(&rig, "simulate:disconnect:ack",
           "{'status':'rejected','error_message':'delay_ms: -1 is not within 0 and 600000','disconnect_at_ms':null}");
    tear_down(&rig);
}

static void test_disconnect_is_for_echo(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "simulate:disconnect", "{'delay_ms':0}");
    expect(&rig, "simulate:disconnect:ack",
           "{'status':'rejected','error_message':'a disconnect is simulated in echo mode only'}");
    dub_sts_session_tick(rig.session, rig.now_ns + SECOND);
    g_assert_cmpuint(rig.hung_up, ==, 0);
    tear_down(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rejections); i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/simulation/rejected/%s", rejections[i].name);
        g_test_add_data_func(path, &rejections[i], test_rejection);
    }
    g_test_add_func("/sts/session/simulation", test_simulation);
    g_test_add_func("/sts/session/simulation-is-for-echo", test_simulation_is_for_echo);
    g_test_add_func("/sts/session/disconnect", test_disconnect);
    g_test_add_func("/sts/session/disconnect-is-for-echo", test_disconnect_is_for_echo);
    return g_test_run();
}
