/* Signals that a thread of its own counts: told in their order, and an end at any moment. */
#include "airdub/interrupts.h"

#include <signal.h>
#include <unistd.h>

static void on_interrupt(unsigned count, void *user_data)
{
    *(unsigned *) user_data = count;
}

static void test_told(void)
{
    unsigned count = 0;
    Interrupts *interrupts = interrupts_new(on_interrupt, &count);
    kill(getpid(), SIGINT);
    while (count == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(count, ==, 1);
    interrupts_free(interrupts);
}

/* As a command does that fails at once: its thread may not have begun. */
static void test_freed_at_once(void)
{
    unsigned count = 0;
    for (int i = 0; i < 1000; i++)
        interrupts_free(interrupts_new(on_interrupt, &count));
    g_assert_cmpuint(count, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apps/interrupts/told", test_told);
    g_test_add_func("/apps/interrupts/freed-at-once", test_freed_at_once);
    return g_test_run();
}
