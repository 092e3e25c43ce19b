/* Unit tests of sts/session: a stream from its init to its end, and the order of its answers. */
#include "session-rig.h"

static void test_defaults_and_ready(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':7}");
    expect_nothing(&rig); /* not before the engines are there */
    g_assert_cmpuint(rig.opened, ==, 1);
    dub_sts_session_opened(rig.session, 2, 0);
    expect(&rig, "stream:ready",
           "{'stream_id':'s','session_id':'id','max_inflight':7,"
           "'capabilities':{'batch_processing':false,'async_delivery':true}}");
    tear_down(&rig);
}

static void test_refused_may_try_again(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", HI);
    dub_sts_session_refused(rig.session, "INVALID_VOICE_PROFILE", "no such voice");
    expect(&rig, "error", "{'code':'INVALID_VOICE_PROFILE','stream_id':'s','severity':'error','retryable':false}");
    g_assert_cmpint(dub_sts_session_get_state(rig.session), ==, DUB_STS_IDLE);
    open_with(&rig, HI, 1);
    tear_down(&rig);
}

static void test_early_events_wait(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", HI);
    take(&rig, 0, 2);
    send_event(&rig, "stream:end", "{'stream_id':'s'}");
    expect_nothing(&rig);
    dub_sts_session_opened(rig.session, 2, 0);
    expect(&rig, "stream:ready", "{}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f1'}");
    expect(&rig, "stream:complete", "{'total_fragments':2}");
    tear_down(&rig);
}

static void test_early_events_of_a_refused_stream(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", HI);
    send_fragment(&rig, 0);
    dub_sts_session_refused(rig.session, "INVALID_CONFIG", "no such language");
    expect(&rig, "error", "{'code':'INVALID_CONFIG'}");
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f0'}");
    tear_down(&rig);
}

static void test_early_events_are_bounded(void)
{
    Rig rig;
    set_up(&rig, false);
    send_event(&rig, "stream:init", HI);
    take(&rig, 0, 15);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f14'}");
    tear_down(&rig);
}

static void test_order(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    take(&rig, 0, 3);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'queued','queue_position':0}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':0}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f2','status':'queued','queue_position':1}");
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 100);
    finish(&rig, 1, DUB_PROCESSED_PARTIAL, 100);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0','sequence_number':0,'status':'success'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f1','sequence_number':1,'status':'partial'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f2','sequence_number':2,'processing_time_ms':100}");
    tear_down(&rig);
}

static void test_same_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}");
    send_fragment(&rig, 0);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0','status':'success'}");
    g_assert_cmpuint(rig.processing->len, ==, 1);
    send_event(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete", "{'total_fragments':1,'total_duration_ms':6000}");
    tear_down(&rig);
}

static void test_failed_is_done_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    finish(&rig, 0, DUB_PROCESSED_FAILED, 100);
    send_fragment(&rig, 0);
    g_assert_cmpuint(rig.processing->len, ==, 2);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:processed",
           "{'status':'failed','error':{'code':'MODEL_ERROR','message':'why','stage':'tts','retryable':true}}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:processed", "{'status':'success','sequence_number':0}");
    send_event(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete",
           "{'total_fragments':1,'total_duration_ms':6000,'statistics':{'success_count':1,'partial_count':0,"
           "'failed_count':0,'avg_processing_time_ms':100,'p95_processing_time_ms':100}}");
    tear_down(&rig);
}

static void test_numbers(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 10);
    expect_error(&rig, "INVALID_SEQUENCE", "sequence_number: 10 is more than 10 ahead of what is answered");
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    send_event(&rig, "fragment:data", FRAGMENT(AUDIO));
    expect_error(&rig, "INVALID_SEQUENCE", "sequence_number: 0 is used already");
    tear_down(&rig);
}

static void test_pause(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    send_event(&rig, "stream:pause", "{'stream_id':'s','reason':'advert'}");
    send_fragment(&rig, 1);
    expect(&rig, "error", "{'code':'STREAM_PAUSED','fragment_id':'f1','retryable':true}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}"); /* what is out goes on */
    send_event(&rig, "stream:resume", "{'stream_id':'s'}");
    send_fragment(&rig, 2); /* 1 is not waited for */
    expect(&rig, "fragment:ack", "{'fragment_id':'f2'}");
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f2'}");
    tear_down(&rig);
}

static void test_end_drains_and_closes(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    send_fragment(&rig, 2); /* 1 never comes */
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 10);
    send_event(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:ack", "{}");
    expect_nothing(&rig);
    send_fragment(&rig, 3);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f3'}");
    finish(&rig, 0, DUB_PROCESSED_FAILED, 20);
    expect(&rig, "fragment:processed", "{'sequence_number':0,'status':'failed'}");
    expect(&rig, "fragment:processed", "{'sequence_number':2}");
    expect(&rig, "stream:complete",
           "{'stream_id':'s','total_fragments':2,'total_duration_ms':12000,'statistics':{'success_count':1,"
           "'partial_count':0,'failed_count':1,'avg_processing_time_ms':15,'p95_processing_time_ms':20}}");
    g_assert_cmpuint(rig.released, ==, 1);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 5 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 5 * SECOND - 1);
    g_assert_cmpuint(rig.closed, ==, 0);
    send_event(&rig, "fragment:ack", "{'fragment_id':'f2','status':'applied','timestamp':1}"); /* late, and no error */
    dub_sts_session_tick(rig.session, rig.now_ns + 5 * SECOND);
    g_assert_cmpuint(rig.closed, ==, 1);
    tear_down(&rig);
}

static void test_another_stream_after_the_end(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_event(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete", "{'total_fragments':0}");
    open_with(&rig, HI, 2);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, DUB_TIME_NONE); /* not closed any more */
    send_fragment(&rig, 0);                                                     /* numbers begin again */
    expect(&rig, "fragment:ack", "{}");
    tear_down(&rig);
}

static void test_timeout(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, "{'stream_id':'s','worker_id':'w','timeout_ms':2000}", 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 2 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 2 * SECOND);
    g_assert_cmpuint(rig.cancelled, ==, 1);
    expect(&rig, "fragment:processed",
           "{'status':'failed','processing_time_ms':2000,'error':{'code':'TIMEOUT','message':'not done within 2000 ms',"
           "'stage':'translation','retryable':true}}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1); /* too late: nobody hears it */
    tear_down(&rig);
}

static void test_echo_has_no_timeout(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, DUB_TIME_NONE);
    tear_down(&rig);
}

static void test_missing_number_is_given_up(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{}");
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1);
    expect_nothing(&rig);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 8 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 8 * SECOND);
    expect(&rig, "fragment:processed", "{'sequence_number':1}");
    send_fragment(&rig, 0);
    expect(&rig, "error", "{'code':'INVALID_SEQUENCE','fragment_id':'f0'}");
    tear_down(&rig);
}

static void test_superseded(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    dub_sts_session_superseded(rig.session);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','stream_id':'s'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    g_assert_cmpuint(rig.released, ==, 1);
    g_assert_cmpuint(rig.closed, ==, 1);
    g_assert_null(dub_sts_session_get_stream_id(rig.session));
    tear_down(&rig);
}

static void test_drain(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    dub_sts_session_drain(rig.session, rig.now_ns);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{}");
    expect(&rig, "stream:complete", "{'total_fragments':1}");
    tear_down(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sts/session/defaults-and-ready", test_defaults_and_ready);
    g_test_add_func("/sts/session/refused-may-try-again", test_refused_may_try_again);
    g_test_add_func("/sts/session/early-events-wait", test_early_events_wait);
    g_test_add_func("/sts/session/early-events-of-a-refused-stream", test_early_events_of_a_refused_stream);
    g_test_add_func("/sts/session/early-events-are-bounded", test_early_events_are_bounded);
    g_test_add_func("/sts/session/order", test_order);
    g_test_add_func("/sts/session/same-again", test_same_again);
    g_test_add_func("/sts/session/failed-is-done-again", test_failed_is_done_again);
    g_test_add_func("/sts/session/numbers", test_numbers);
    g_test_add_func("/sts/session/pause", test_pause);
    g_test_add_func("/sts/session/end-drains-and-closes", test_end_drains_and_closes);
    g_test_add_func("/sts/session/another-stream-after-the-end", test_another_stream_after_the_end);
    g_test_add_func("/sts/session/timeout", test_timeout);
    g_test_add_func("/sts/session/echo-has-no-timeout", test_echo_has_no_timeout);
    g_test_add_func("/sts/session/missing-number-is-given-up", test_missing_number_is_given_up);
    g_test_add_func("/sts/session/superseded", test_superseded);
    g_test_add_func("/sts/session/drain", test_drain);
    return g_test_run();
}
