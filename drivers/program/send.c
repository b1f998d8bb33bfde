#include "drivers/program/state.h"

#include "schema/base/journal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const words[] = {
#define PROGRAM_CALL_WORD(kind, word) [kind] = word,
    PROGRAM_CALLS(PROGRAM_CALL_WORD)
#undef PROGRAM_CALL_WORD
};

void program_send(struct driver *driver, enum program_call_kind kind, uint64_t number, json_t *members)
{
    aq_assert(driver->phase == PROGRAM_READY);
    json_t *call = json_pack("{sIss}", "id", (json_int_t)++driver->last_id, "call", words[kind]);
    json_object_update(call, members);
    json_decref(members);
    call_write(driver->hello.form, call, &driver->channel.out);
    json_decref(call);
    if (driver->first_call == driver->call_count)
        driver->answered_ms = driver->now->steady_ms;
    if (driver->first_call > 0 && driver->call_count == driver->call_capacity) {
        driver->call_count -= driver->first_call;
        memmove(driver->calls, driver->calls + driver->first_call, driver->call_count * sizeof *driver->calls);
        driver->first_call = 0;
    }
    AQ_GROW(driver->calls, driver->call_count, driver->call_capacity);
    driver->calls[driver->call_count++] = (struct program_call){driver->last_id, kind, number};
    program_channel_flush(&driver->channel);
}

void program_drop_calls(struct driver *driver)
{
    driver->first_call = driver->call_count = 0;
}

void program_fault(struct driver *driver, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    driver->faults++;
    snprintf(driver->why, sizeof driver->why, "%s", text);
    aq_journal(AQ_WARN, "a driver program says what cannot be", "driver", driver->name, "error", text, NULL);
}
