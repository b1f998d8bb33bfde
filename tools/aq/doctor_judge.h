/* Turns measurements into findings: the pure part of aq doctor. */
#ifndef AQ_TOOLS_AQ_DOCTOR_JUDGE_H
#define AQ_TOOLS_AQ_DOCTOR_JUDGE_H

#include "tools/aq/doctor.h"

enum { DOCTOR_SYNC_WARN_US = 5000, DOCTOR_SYNC_BAD_US = 50000, DOCTOR_VERSION_SIZE = 32 };

/* The median; sorts them. */
uint64_t doctor_median(uint64_t *figures, unsigned count);

void doctor_judge_sync(uint64_t median_us, const char *path, struct doctor_finding *finding);
/* `magic`: f_type of statfs(2). */
void doctor_judge_file_system(unsigned long magic, const char *path, struct doctor_finding *finding);
void doctor_judge_space(uint64_t free_mib, const char *path, struct doctor_finding *finding);
void doctor_judge_open_files(uint64_t hard, struct doctor_finding *finding);

/* Who listens on a port? */
enum doctor_listener { DOCTOR_NOBODY, DOCTOR_OURS, DOCTOR_STRANGER };
void doctor_judge_port(unsigned port, enum doctor_listener listener, const char *setting,
                       struct doctor_finding *finding);

/* A file or directory that has more than these bits, or is not root's. */
bool doctor_mode_is_loose(unsigned mode, unsigned uid, unsigned most);

/* `end_s`, `now_s`: seconds since 1970; an end of 0: there is no certificate. */
void doctor_judge_certificate(int64_t end_s, int64_t now_s, const char *path, struct doctor_finding *finding);

/* `mode` and owner of /dev/kvm; `guest`: this machine is itself virtual. */
void doctor_judge_kvm(bool opens, bool guest, struct doctor_finding *finding);
struct doctor_machines_facts {
    bool is_built, runs; /* the program of the driver */
    bool daemon;         /* libvirt's runs */
    char missing[128];   /* packages, each after a blank; "": none */
};
void doctor_judge_machines(const struct doctor_machines_facts *facts, struct doctor_finding *finding);
/* `qemu_is_root`: as libvirt's qemu.conf says. */
void doctor_judge_kvm_mode(unsigned mode, unsigned uid, unsigned gid, bool qemu_is_root,
                           struct doctor_finding *finding);

/* Is version `a` at least `b`? Numbers between dots; missing ones count as 0. */
bool doctor_version_at_least(const char *a, const char *b);
/* Every aq-fs contains "aq-fs 0.1.0": finds the version in a program's bytes. False: it is not there. */
bool doctor_version_find(const char *bytes, size_t length, const char *program, char version[DOCTOR_VERSION_SIZE]);
/* The output of `aq-controller --version`: a line for each library. */
void doctor_judge_libraries(const char *said, struct doctor_finding *finding);
/* `versions`: those of the running ones, one for each; "" if it could not be read. */
void doctor_judge_program(const char *program, const char (*versions)[DOCTOR_VERSION_SIZE], unsigned count,
                          struct doctor_finding *finding);

#endif
