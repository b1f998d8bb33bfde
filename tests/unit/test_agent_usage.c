/* What an agent tells of the use of its node and workloads: in heartbeats, by rounds, to hubs that know it. */
#include "tests/lib/agent_scene.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>

enum { MANY = 300 };

static struct aq_sample of_host(void)
{
    return (struct aq_sample){.cpu_us = aq_some(77), .memory = aq_some(1 << 30), .read = UINT64_MAX};
}

static int set_up(void **state)
{
    int failed = scene_set_up(state);
    struct scene *scene = *state;
    scene_kill_agent(scene);
    scene->wire.question_count = 0;
    scene_pass(scene, 500);
    scene->host.sample = of_host;
    scene_start_agent(scene);
    return failed;
}

/* The samples of the next heartbeat, which is answered. */
static struct aq_list hear_samples(struct scene *scene)
{
    struct heard beat = scene_hear(scene, AQ_MSG_BEAT);
    const struct aq_list samples = ((const struct aq_beat *)beat.message)->samples;
    scene_answer(scene, &beat, AQ_MSG_NOTED, &(struct aq_noted){0});
    return samples;
}

static struct aq_list hear_later(struct scene *scene)
{
    scene_live_until(scene, scene->now.steady_ms + BEAT_MS);
    return hear_samples(scene);
}

static void a_round_tells_of_the_node_and_of_what_runs(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignments[] = {scene_wanted(5, "{}"), scene_wanted(6, "{\"start_delay_ms\":60000}")};
    scene_greet(scene);
    struct aq_list samples = hear_samples(scene); /* at once, so that a rate is known soon */
    assert_int_equal(samples.count, 1);
    const struct aq_sample *node = samples.items;
    assert_int_equal(node->resource, 0);
    assert_int_equal(node->at_ms, 1500);
    assert_int_equal(node->cpu_us, aq_some(77));
    assert_int_equal(node->read, 0); /* beyond all bounds: not told, or the hub would take nothing */
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, assignments, 2);
    scene_live_until(scene, scene->now.steady_ms);
    struct heard report = scene_hear_report(scene, AQ_HAPPENED_STARTED);
    scene_note(scene, &report);
    scene_hear(scene, AQ_MSG_POLL);
    assert_int_equal(hear_later(scene).count, 0); /* no round is due before 5 s have passed */
    assert_int_equal(hear_later(scene).count, 0);
    samples = hear_later(scene);
    assert_int_equal(samples.count, 2); /* the other one does not run yet */
    const struct aq_sample *workload = AQ_ITEM(samples, struct aq_sample, 1);
    assert_int_equal(workload->resource, 5);
    assert_int_equal(workload->at_ms, 7500);
    assert_int_equal(workload->cpu_us, aq_some(6000 * 1000 / 2));
    assert_int_equal(workload->memory, aq_some(64 << 20));
    assert_int_equal(workload->received, 0); /* not told, rather than nothing */
}

static void a_hub_that_does_not_know_them_gets_none(void **state)
{
    struct scene *scene = *state;
    struct heard hello = scene_hear(scene, AQ_MSG_HELLO);
    const struct aq_welcome welcome = {
        .number = 1, .beat_ms = BEAT_MS, .patience_ms = PATIENCE_MS, .form = AQ_FORM_SAMPLES - 1};
    scene_answer(scene, &hello, AQ_MSG_WELCOME, &welcome);
    assert_int_equal(hear_samples(scene).count, 0);
    scene_hear(scene, AQ_MSG_POLL);
    assert_int_equal(hear_later(scene).count, 0);
}

static void a_round_of_many_goes_on_in_later_heartbeats(void **state)
{
    struct scene *scene = *state;
    struct aq_assignment assignments[MANY];
    bool told[MANY + 1] = {0};
    for (uint64_t i = 0; i < MANY; i++)
        assignments[i] = scene_wanted(i + 1, "{}");
    scene_greet(scene);
    hear_samples(scene);
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, assignments, MANY);
    scene_live_until(scene, scene->now.steady_ms);
    unsigned beats = 0, most = 0, total = 0;
    for (unsigned turns = 0; turns < 60 && total < MANY; turns++) {
        while (scene->wire.question_count > 0) {
            struct heard heard = scene_hear(scene, AQ_MSG_NONE);
            if (heard.type == AQ_MSG_REPORT)
                scene_note(scene, &heard);
            if (heard.type != AQ_MSG_BEAT)
                continue;
            const struct aq_list samples = ((const struct aq_beat *)heard.message)->samples;
            beats += samples.count > 0;
            most = samples.count > most ? samples.count : most;
            for (uint32_t i = 0; i < samples.count; i++) {
                const uint64_t resource = AQ_ITEM(samples, struct aq_sample, i)->resource;
                total += resource != 0 && !told[resource];
                told[resource] = true;
            }
            scene_answer(scene, &heard, AQ_MSG_NOTED, &(struct aq_noted){0});
        }
        scene_live_until(scene, scene->now.steady_ms + 500);
    }
    assert_int_equal(total, MANY);
    assert_in_range(beats, 3, 4);
    assert_in_range(most, 100, 130);
}

static void the_interval_is_a_setting(void **state)
{
    struct scene *scene = *state;
    scene->config.usage.interval = 0;
    agent_reconfigure(scene->agent, &scene->config);
    scene_greet(scene);
    scene_greet(scene); /* the settings may have changed what it offers */
    scene_hear(scene, AQ_MSG_POLL);
    assert_int_equal(hear_samples(scene).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_round_tells_of_the_node_and_of_what_runs, set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_hub_that_does_not_know_them_gets_none, set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_round_of_many_goes_on_in_later_heartbeats, set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(the_interval_is_a_setting, set_up, scene_tear_down),
    };
    return cmocka_run_group_tests_name("agent: usage", tests, NULL, NULL);
}
