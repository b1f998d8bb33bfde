#include "tests/lib/program_rig.h"

#include "schema/base/clock.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char place[64]; /* the directory */
char program_rig_path[128];

void program_rig_write(const char *text)
{
    FILE *file = fopen(program_rig_path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(program_rig_path, 0755), 0);
}

int program_rig_begin(void **state)
{
    (void)state;
    test_make_directory(place, sizeof place, "/tmp", "aq-program");
    snprintf(program_rig_path, sizeof program_rig_path, "%s/aq-driver-hostile", place);
    return 0;
}

int program_rig_end(void **state)
{
    if (*state != NULL)
        rig_teardown(state);
    test_remove_tree(place);
    return 0;
}

struct rig *program_rig_open(void **state, const char *text)
{
    program_rig_write(text);
    assert_int_equal(rig_setup_program(state, "hostile", program_rig_path), 0);
    return *state;
}

void program_rig_pass(struct rig *rig, uint64_t ms)
{
    rig->now.steady_ms += ms;
    rig->type->work(rig->driver);
}

const char *program_rig_refusal(const struct rig *rig)
{
    const char *text = rig->type->life->refusal(rig->driver);
    return text != NULL ? text : "";
}

void program_rig_await_refusal(struct rig *rig, const char *text)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (strstr(rig->driver->why, text) == NULL) {
        if (aq_clock_boot_ms() > until_ms)
            fail_msg("it says \"%s\" instead of \"%s\"", rig->driver->why, text);
        rig_turn(rig, 20);
    }
}

void program_rig_await_phase(struct rig *rig, enum program_phase phase)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (rig->driver->phase != phase) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 20);
    }
}

void program_rig_await_faults(struct rig *rig, unsigned faults)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (rig->driver->faults < faults) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 20);
    }
    assert_int_equal(rig->driver->faults, faults);
}
