#include "tools/aq/doctor.h"

#include "drivers/cgroup/cgroup.h"
#include "tools/aq/show.h"
#include "tools/aq/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_DEFAULT "/var/lib/aquarium/controller"

enum { API_PORT_DEFAULT = 8001, HUB_PORT_DEFAULT = 8002 };

static const struct doctor_check checks[] = {
    {"user namespaces", doctor_user_namespaces, 0},
    {"overlayfs", doctor_overlayfs, 0},
    {"FUSE", doctor_fuse, 0},
    {"pidfd", doctor_pidfd, 0},
    {"pidfd info", doctor_pidfd_info, 0},
    {"cgroup cpu", doctor_cgroup, CGROUP_CPU},
    {"cgroup memory", doctor_cgroup, CGROUP_MEMORY},
    {"cgroup pids", doctor_cgroup, CGROUP_PIDS},
    {"cgroup io", doctor_cgroup, CGROUP_IO},
    {"cgroup.kill", doctor_cgroup_kill, 0},
    {"open files", doctor_open_files, 0},
    {"processes", doctor_processes, 0},
    {"file system", doctor_file_system, 0},
    {"disk sync", doctor_sync, 0},
    {"free space", doctor_space, 0},
    {"clock", doctor_clock, 0},
    {"date", doctor_date, 0},
    {"port for REST", doctor_api_port, 0},
    {"port for agents", doctor_hub_port, 0},
    {"IPv6", doctor_ipv6, 0},
    {"modes", doctor_modes, 0},
    {"plain REST", doctor_plain, 0},
    {"certificates", doctor_certificates, 0},
    {"workloads", doctor_root_workloads, 0},
    {"containers", doctor_containers, 0},
    {"machines", doctor_machines, 0},
    {"KVM", doctor_kvm, 0},
    {"KVM mode", doctor_kvm_mode, 0},
    {"libraries", doctor_libraries, 0},
    {"controller", doctor_program, 0},
    {"agent", doctor_program, 1},
    {"file view", doctor_program, 2},
};

/* ---- what checks leave ---------------------------------------------------------------------------------- */

static void leave(struct doctor_finding *finding, enum doctor_state state, const char *advice, const char *fix,
                  const char *format, va_list args)
{
    finding->state = state;
    vsnprintf(finding->text, sizeof finding->text, format, args);
    snprintf(finding->advice, sizeof finding->advice, "%s", advice);
    snprintf(finding->fix, sizeof finding->fix, "%s", fix);
}

void doctor_ok(struct doctor_finding *finding, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leave(finding, DOCTOR_OK, "", "", format, args);
    va_end(args);
}

void doctor_warn(struct doctor_finding *finding, const char *advice, const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leave(finding, DOCTOR_WARN, advice, fix, format, args);
    va_end(args);
}

void doctor_bad(struct doctor_finding *finding, const char *advice, const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leave(finding, DOCTOR_BAD, advice, fix, format, args);
    va_end(args);
}

/* ---- showing -------------------------------------------------------------------------------------------- */

static const char *const state_words[doctor_state_count] = {"ok", "warn", "bad"};
static const enum cli_colour state_colours[doctor_state_count] = {CLI_GREEN, CLI_YELLOW, CLI_RED};

static void add_text(struct cli_table *table, const char *text, enum cli_colour colour)
{
    cli_table_add(table, text, strlen(text), colour);
}

void doctor_show(const struct doctor_check *of, const struct doctor_finding *findings, unsigned count, bool fixes,
                 struct aq_buffer *out)
{
    struct cli_table table;
    struct aq_buffer line = {0};
    cli_table_open(&table, 3);
    for (unsigned i = 0; i < count; i++) {
        const struct doctor_finding *finding = &findings[i];
        add_text(&table, state_words[finding->state], state_colours[finding->state]);
        add_text(&table, of[i].name, CLI_PLAIN);
        aq_buffer_reset(&line);
        aq_buffer_format(&line, "%s%s%s", finding->text, finding->advice[0] != '\0' ? "; " : "", finding->advice);
        add_text(&table, aq_buffer_string(&line), CLI_PLAIN);
        if (!fixes || finding->fix[0] == '\0')
            continue;
        add_text(&table, "", CLI_PLAIN);
        add_text(&table, "", CLI_PLAIN);
        aq_buffer_reset(&line);
        aq_buffer_format(&line, "    %s", finding->fix);
        add_text(&table, aq_buffer_string(&line), CLI_BOLD);
    }
    cli_table_print(&table, 0, 0, out);
    cli_table_close(&table);
    aq_buffer_free(&line);
}

static json_t *as_json(const struct doctor_finding *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < AQ_LENGTH(checks); i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "check", checks[i].name, "state",
                                              state_words[findings[i].state], "finding", findings[i].text, "advice",
                                              findings[i].advice, "fix", findings[i].fix));
    return list;
}

/* ---- the run -------------------------------------------------------------------------------------------- */

static unsigned read_port(const char *directory, const char *name, unsigned otherwise)
{
    char path[DOCTOR_PATH_SIZE + 32];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/run/%s", directory, name);
    FILE *file = fopen(path, "re");
    bool known = file != NULL && fscanf(file, "%5u", &port) == 1 && port > 0 && port < 65536;
    if (file != NULL)
        fclose(file);
    return known ? port : otherwise;
}

static enum cli_exit prepare(struct doctor *doctor, const char *data)
{
    if (data[0] != '/' || strlen(data) >= sizeof doctor->data)
        return cli_fail(CLI_USAGE, "the data directory is \"%.100s\", but must be an absolute path", data);
    snprintf(doctor->data, sizeof doctor->data, "%s", data);
    snprintf(doctor->there, sizeof doctor->there, "%s", data);
    while (access(doctor->there, F_OK) != 0 && strcmp(doctor->there, "/") != 0) {
        char *slash = strrchr(doctor->there, '/');
        slash[slash == doctor->there] = '\0';
    }
    struct stat about;
    if (stat(doctor->there, &about) == 0 && !S_ISDIR(about.st_mode))
        return cli_fail(CLI_USAGE, "the data directory is \"%.100s\", but %.100s is not a directory", data,
                        doctor->there);
    doctor->api_port = read_port(data, "api.port", API_PORT_DEFAULT);
    doctor->hub_port = read_port(data, "hub.port", HUB_PORT_DEFAULT);
    return CLI_DONE;
}

enum cli_exit cli_doctor(struct cli *cli, const char *const *words, unsigned count)
{
    struct doctor doctor = {0};
    struct doctor_finding findings[AQ_LENGTH(checks)] = {0};
    unsigned counts[doctor_state_count] = {0};
    if (count > 1)
        return cli_fail(CLI_USAGE, "doctor takes one directory, but there is \"%.64s\" as well", words[1]);
    if (prepare(&doctor, count > 0 ? words[0] : DATA_DEFAULT) != CLI_DONE)
        return CLI_USAGE;
    for (size_t i = 0; i < AQ_LENGTH(checks); i++) {
        checks[i].look(&doctor, checks[i].which, &findings[i]);
        counts[findings[i].state]++;
    }
    if (cli_wants_data(&cli->options.flags)) {
        json_t *list = as_json(findings);
        cli_show_data(list, &cli->options.flags);
        json_decref(list);
    } else {
        struct aq_buffer out = {0};
        doctor_show(checks, findings, AQ_LENGTH(checks), cli->options.flags.fix_hints, &out);
        cli_print_raw(&out);
        aq_buffer_free(&out);
        cli_note("%u ok, %u to look at, %u bad%s", counts[DOCTOR_OK], counts[DOCTOR_WARN], counts[DOCTOR_BAD],
                 counts[DOCTOR_OK] < AQ_LENGTH(checks) && !cli->options.flags.fix_hints
                     ? "; --fix-hints shows commands for them"
                     : "");
    }
    return counts[DOCTOR_BAD] > 0 ? CLI_FAILED : CLI_DONE;
}
