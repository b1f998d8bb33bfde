/* A test rig for drivers, which plays the agent. It keeps what the driver reports, gives each workload its own
 * directory, and leaves no process, directory or control group behind, however the test ends. */
#ifndef AQ_TESTS_LIB_DRIVER_RIG_H
#define AQ_TESTS_LIB_DRIVER_RIG_H

#include "drivers/driver.h"
#include "schema/drivers/options.h"
#include "tests/lib/cmocka.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { RIG_MOST = 1100, RIG_PATIENCE_MS = 30000 };

struct rig_workload {
    int started;
    int readdressed; /* it was told again that it runs, with another address */
    int failed;
    int ended;
    int exit_status;
    pid_t pid; /* of the main process, from the identifier */
    bool lease_over;
    char identifier[288];
    char ip_addr[64];
    char reason[512];
};

struct rig {
    const struct driver_type *type;
    char *program;    /* of a driver that is one, else NULL */
    const char *name; /* its driver */
    struct driver *driver;
    struct aq_clocks now; /* as the driver sees it */
    char base[64];
    char node[32];
    uint64_t used; /* resources are numbered from 1 */
    struct rig_workload seen[RIG_MOST + 1];
    void (*on_report)(struct rig *rig, const struct driver_report *report); /* or NULL */
};

void rig_report(void *context, const struct driver_report *report);
void rig_open(struct rig *rig); /* the owner of the node allows all, until rig_allow() */
/* What the owner of the node allows: settings as in agent.yml, "users=build,20000-29999", NULL ends them. */
void rig_allow(struct rig *rig, const char *const *settings);
extern const char *const rig_all[];
/* Settings of the agent for the driver, "container.images=/srv/images"; NULL ends them. After rig_open(), all have
 * their presets, but images are kept in the rig's directory. */
void rig_configure(struct rig *rig, const char *const *settings);
void rig_close(struct rig *rig);
int rig_setup(void **state, const char *driver);
/* The same for a driver that is a program, at `path`: rig_open() starts it and waits until it can be used. */
int rig_setup_program(void **state, const char *driver, const char *path);
/* The same for a driver that is not built in, in this process. */
int rig_setup_type(void **state, const char *driver, const struct driver_type *type);
const char *rig_directory(const struct rig *rig, uint64_t resource);
/* Waits up to `most_ms` for the driver's descriptor, then lets it work once, at the time of then. */
void rig_turn(struct rig *rig, int most_ms);
/* Lets it work until `*counter` is not 0; fails the test after RIG_PATIENCE_MS. */
void rig_await(struct rig *rig, const int *counter);
/* Starts a workload with these options, given as JSON with ' for ". Returns its resource, or 0 with `error`. */
uint64_t rig_try_start(struct rig *rig, const char *options, struct driver_spec spec, struct aq_error *error);
uint64_t rig_start_spec(struct rig *rig, const char *options, struct driver_spec spec);
uint64_t rig_start(struct rig *rig, const char *options);
/* Starts a workload and waits for its end. */
struct rig_workload *rig_run(struct rig *rig, const char *options);
struct rig_workload *rig_start_running(struct rig *rig, const char *options, uint64_t *resource);
/* The newest `max` bytes of the log, valid until the next call. */
const char *rig_log(struct rig *rig, uint64_t resource, size_t max);
/* Lets the driver work until the log contains the text. */
void rig_await_log(struct rig *rig, uint64_t resource, const char *text);
/* Makes the driver adopt the workload, as after a restart of the agent. */
void rig_adopt(struct rig *rig, uint64_t resource);
/* Lets the driver work until the workload has written its pid into the file. */
pid_t rig_await_pid(struct rig *rig, uint64_t resource, const char *name);
/* Whether the process exists and is not a zombie. */
bool rig_is_alive(pid_t pid);
bool rig_has_group(const struct rig *rig, uint64_t resource);
/* Stops the workloads that still run, then kills their control groups. */
int rig_teardown(void **state);

#endif
