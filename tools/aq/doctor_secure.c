/* What opens the cluster to others: modes of its files, REST without TLS, workloads that run as root, and certificates
 * that expire. */
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tools/aq/doctor_judge.h"
#include "tools/aq/doctor_programs.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <gnutls/x509.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATE_BYTES_MAX = 1 << 20, LISTED_MOST = 4 };

/* ---- modes ---------------------------------------------------------------------------------------------- */

/* The files that matter, by pattern: below the data directory, unless they begin with '/'. `most`: bits that they may
 * have at most. */
static const struct {
    const char *pattern;
    unsigned most;
    bool any_owner; /* an agent need not be root */
} places[] = {
    {"", 0755},
    {"log", 0700},
    {"state", 0700},
    {"live", 0700},
    {"tls", 0700},
    {"keyring", 0700},
    {"run", 0755},
    {"log/*.mdb", 0600},
    {"state/*/*.mdb", 0600},
    {"*.key", 0600},
    {"*.token", 0600},
    {"keyring/*", 0600},
    {"tls/*", 0644},
    {"tls/*.key", 0600},
    {"tls/*.pem", 0600},
    {"../agent", 0755, true},
    {"../agent/*", 0711, true},
    {"../agent/*/*key*", 0600, true},
    {"../agent/*/workloads/*/assignment", 0600, true},
    {"/etc/aquarium", 0755},
    {"/etc/aquarium/*.yml", 0755},
    {"/etc/aquarium/*.key", 0700},
    {"/etc/aquarium/*token*", 0700},
    {"/root/.config/aquarium/*", 0700},
};

struct loose {
    unsigned count;
    char text[384], fix[256];
};

static void add_loose(struct loose *loose, const char *path, const struct stat *about, unsigned most)
{
    size_t text = strlen(loose->text), fix = strlen(loose->fix);
    if (loose->count++ >= LISTED_MOST)
        return;
    const char *between = text > 0 ? ", " : "";
    if (about->st_uid != 0)
        snprintf(loose->text + text, sizeof loose->text - text, "%s%.120s belongs to uid %u", between, path,
                 (unsigned)about->st_uid);
    else
        snprintf(loose->text + text, sizeof loose->text - text, "%s%.120s has mode %04o", between, path,
                 (unsigned)about->st_mode & 07777);
    char command[160];
    int length = about->st_uid != 0 ? snprintf(command, sizeof command, "%schown 0 %s", fix > 0 ? "; " : "", path)
                                    : snprintf(command, sizeof command, "%schmod %04o %s", fix > 0 ? "; " : "",
                                               (unsigned)about->st_mode & most, path);
    if ((size_t)length < sizeof command && fix + (size_t)length < sizeof loose->fix)
        strcpy(loose->fix + fix, command);
}

static void look_at_place(struct loose *loose, const char *data, size_t place)
{
    const char *pattern = places[place].pattern;
    const unsigned most = places[place].most;
    char path[DOCTOR_PATH_SIZE + 64];
    glob_t found;
    snprintf(path, sizeof path, pattern[0] == '/' ? "%s%s" : "%s/%s", pattern[0] == '/' ? "" : data, pattern);
    if (glob(path, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct stat about;
        if (lstat(found.gl_pathv[i], &about) != 0 || S_ISLNK(about.st_mode))
            continue;
        about.st_uid = places[place].any_owner ? 0 : about.st_uid;
        if (doctor_mode_is_loose(about.st_mode, about.st_uid, most))
            add_loose(loose, found.gl_pathv[i], &about, most);
    }
    globfree(&found);
}

void doctor_modes(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct loose loose = {0};
    char path[DOCTOR_PATH_SIZE + 8];
    (void)which;
    if (geteuid() != 0) {
        doctor_warn(finding, "run as root", "", "what others may read or change cannot be seen");
        return;
    }
    snprintf(path, sizeof path, "%s/log", doctor->data);
    bool there = access(path, F_OK) == 0; /* else it is any directory */
    for (size_t i = 0; i < AQ_LENGTH(places); i++)
        if (there || places[i].pattern[0] == '/')
            look_at_place(&loose, doctor->data, i);
    if (loose.count == 0)
        doctor_ok(finding, "keys, tokens, log and settings are closed to others");
    else
        doctor_bad(finding, "close them; what others could read may have leaked: see docs/security.md", loose.fix,
                   "%s%s", loose.text, loose.count > LISTED_MOST ? ", and more" : "");
}

/* ---- workloads as root ---------------------------------------------------------------------------------- */

void doctor_root_workloads(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct doctor_process agents[DOCTOR_PROCESSES_MAX];
    unsigned count = doctor_processes_find("aq-agent", agents, DOCTOR_PROCESSES_MAX), open = 0, unknown = 0;
    char which_ones[160] = "";
    pid_t not_root = 0;
    (void)doctor, (void)which;
    for (unsigned i = 0; i < count; i++) {
        char value[16];
        enum doctor_setting found = doctor_setting(&agents[i], "allow.root", value, sizeof value);
        unknown += found == DOCTOR_SETTING_UNKNOWN;
        not_root = agents[i].uid != 0 ? agents[i].pid : not_root;
        if (agents[i].uid != 0 || found != DOCTOR_SETTING_GIVEN || strcmp(value, "true") != 0)
            continue;
        size_t used = strlen(which_ones);
        if (open++ < LISTED_MOST)
            snprintf(which_ones + used, sizeof which_ones - used, "%s%d", used > 0 ? ", " : "", (int)agents[i].pid);
    }
    if (open > 0)
        doctor_warn(finding, "keep it only if whoever may create labels is trusted as root is", "",
                    "labels may let workloads run as root: allow.root of the agent with pid %s", which_ones);
    else if (not_root != 0)
        doctor_warn(
            finding, "run agents as root: then each workload has a user of its own", "",
            "workloads of the agent with pid %d all have its user, since it is not root, and none can have a disk",
            (int)not_root);
    else if (unknown > 0)
        doctor_warn(finding, geteuid() == 0 ? "look at allow.root in its settings" : "run as root", "",
                    "the settings of %u agent%s cannot be read", unknown, unknown == 1 ? "" : "s");
    else
        doctor_ok(finding,
                  count > 0 ? "no agent here lets workloads run as root, or as its own user" : "no agent runs here");
}

/* ---- certificates --------------------------------------------------------------------------------------- */

/* GnuTLS is loaded for this check alone: aq starts faster without it. */
#define FUNCTIONS(X)                                                                                                   \
    X(gnutls_x509_crt_list_import2)                                                                                    \
    X(gnutls_x509_crt_get_expiration_time)                                                                             \
    X(gnutls_x509_crt_deinit)                                                                                          \
    X(gnutls_free)

static struct {
#define FIELD(name) __typeof__(name) *name;
    FUNCTIONS(FIELD)
} tls;

static bool load_gnutls(void)
{
    static void *library;
    static const struct {
        const char *name;
        void *place;
    } functions[] = {
#define ROW(name) {#name, &tls.name},
        FUNCTIONS(ROW)};
    if (library == NULL)
        library = dlopen("libgnutls.so.30", RTLD_NOW);
    for (size_t i = 0; library != NULL && i < AQ_LENGTH(functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (function == NULL)
            return false;
        memcpy(functions[i].place, &function, sizeof function);
    }
    return library != NULL;
}

/* The first end of a certificate in the file, in seconds since 1970; 0: there is none that can be read. */
static int64_t first_end(const char *path)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    int64_t first = 0;
    if (aq_file_read(AT_FDCWD, path, CERTIFICATE_BYTES_MAX, &text, &ignored) != 0)
        return 0;
    const gnutls_datum_t data = {(unsigned char *)text.data, (unsigned)text.length};
    if (tls.gnutls_x509_crt_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0) < 0)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        int64_t end = (int64_t)tls.gnutls_x509_crt_get_expiration_time(list[i]);
        first = first == 0 || end < first ? end : first;
        tls.gnutls_x509_crt_deinit(list[i]);
    }
    (*tls.gnutls_free)(list);
    return first;
}

/* The cluster's own certificates, and what a running controller was told to show. */
static unsigned certificate_files(const struct doctor *doctor, char paths[3][DOCTOR_PATH_SIZE + 32])
{
    struct doctor_process controllers[DOCTOR_PROCESSES_MAX];
    static const char *const own[] = {"tls/authority.crt", "tls/server.pem"};
    unsigned count = 0;
    for (size_t i = 0; i < AQ_LENGTH(own); i++) {
        snprintf(paths[count], sizeof paths[count], "%s/%s", doctor->data, own[i]);
        count += access(paths[count], F_OK) == 0;
    }
    unsigned running = doctor_processes_find("aq-controller", controllers, DOCTOR_PROCESSES_MAX);
    for (unsigned i = 0; i < running && count < 3; i++)
        count += doctor_setting(&controllers[i], "api.tls.certificate", paths[count], sizeof paths[count]) ==
                     DOCTOR_SETTING_GIVEN &&
                 paths[count][0] == '/';
    return count;
}

void doctor_certificates(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    char paths[3][DOCTOR_PATH_SIZE + 32];
    unsigned count = certificate_files(doctor, paths);
    int64_t first = 0;
    const char *of = "";
    (void)which;
    if (count > 0 && !load_gnutls()) {
        doctor_warn(finding, "install libgnutls30", "", "certificates cannot be read without GnuTLS");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        int64_t end = first_end(paths[i]);
        if (end == 0) {
            doctor_warn(finding, geteuid() == 0 ? "look at the file" : "run as root", "",
                        "no certificate can be read in %.300s", paths[i]);
            return;
        }
        if (first == 0 || end < first) {
            first = end;
            of = paths[i];
        }
    }
    doctor_judge_certificate(first, (int64_t)(aq_clock_wall_ms() / 1000), of, finding);
}
