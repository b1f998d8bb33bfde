/* aq doctor: is this machine fit for Aquarium, and what must be done where it is not? Each check looks at one thing and
 * leaves one finding: its state and, unless all is well, what to do about it, in words and as commands.
 *
 * Checks change nothing: what one creates (a directory, an unnamed file, a child in its own namespaces) is gone when it
 * returns. None takes longer than a few seconds. */
#ifndef AQ_TOOLS_AQ_DOCTOR_H
#define AQ_TOOLS_AQ_DOCTOR_H

#include "tools/aq/nouns.h"

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_WARN, /* works, but could be better; or something that may be needed later is missing */
    DOCTOR_BAD,  /* Aquarium cannot work like this, or is open to others */
    doctor_state_count
};

struct doctor_finding {
    enum doctor_state state;
    char text[384];
    char advice[256]; /* "" if there is nothing to do */
    char fix[256];    /* commands; "" if none would help */
};

enum { DOCTOR_PATH_SIZE = 512 };

/* Input of the checks. */
struct doctor {
    char data[DOCTOR_PATH_SIZE];  /* the controller's data directory */
    char there[DOCTOR_PATH_SIZE]; /* the directory itself, or its nearest ancestor that exists */
    unsigned api_port, hub_port;  /* as a running controller has recorded them, else the presets */
};

struct doctor_check {
    const char *name;
    void (*look)(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
    unsigned which; /* for a function that serves several checks */
};

/* ---- what checks leave ---------------------------------------------------------------------------------- */

void doctor_ok(struct doctor_finding *finding, const char *format, ...) AQ_PRINTF(2, 3);
/* `advice`: what to do. `fix`: the commands for it, or "". */
void doctor_warn(struct doctor_finding *finding, const char *advice, const char *fix, const char *format, ...)
    AQ_PRINTF(4, 5);
void doctor_bad(struct doctor_finding *finding, const char *advice, const char *fix, const char *format, ...)
    AQ_PRINTF(4, 5);

/* ---- the checks ----------------------------------------------------------------------------------------- */

/* doctor_kernel.c */
void doctor_user_namespaces(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_overlayfs(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_fuse(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_pidfd(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_pidfd_info(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
/* doctor_host.c; `which` of a control group is an enum cgroup_controller */
void doctor_cgroup(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_cgroup_kill(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_open_files(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_processes(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_clock(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_date(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_containers(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
/* doctor_machines.c */
void doctor_machines(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_kvm(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_kvm_mode(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
/* doctor_disk.c */
void doctor_file_system(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_sync(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_space(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
/* doctor_secure.c */
void doctor_modes(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_root_workloads(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_certificates(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
/* doctor_parts.c; `which` of a program is its place in doctor_programs */
void doctor_api_port(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_plain(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_hub_port(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_ipv6(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_libraries(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
void doctor_program(const struct doctor *doctor, unsigned which, struct doctor_finding *finding);
extern const char *const doctor_programs[]; /* "aq-controller", "aq-agent", "aq-fs" */

/* ---- the words ------------------------------------------------------------------------------------------ */

/* doctor [DIRECTORY]. CLI_FAILED when anything is bad. */
enum cli_exit cli_doctor(struct cli *cli, const char *const *words, unsigned count);

/* The findings, for people: a line for each, and with `fixes` the commands below it. */
void doctor_show(const struct doctor_check *checks, const struct doctor_finding *findings, unsigned count, bool fixes,
                 struct aq_buffer *out);

#endif
