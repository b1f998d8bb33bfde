/* What the owner of a node allows: which settings are refused, what of a label the node refuses, and that the driver
 * `process` keeps to it. */
#include "schema/codec/config.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "schema/drivers/allow.h"
#include "schema/drivers/options.h"
#include "schema/drivers/process.h"
#include "tests/lib/driver_rig.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- settings ----------------------------------------------------------------------------------------- */

/* The error of these settings, separated by blanks. */
static const char *error_of(const char *settings, struct aq_allow *allow, struct aq_arena *arena)
{
    static struct aq_error error;
    char copy[4096], *rest = NULL;
    error = (struct aq_error){0};
    aq_record_init(&aq_allow_record, allow, arena);
    snprintf(copy, sizeof copy, "%s", settings);
    for (char *one = strtok_r(copy, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest))
        if (aq_config_set(&aq_allow_record, allow, one, arena, &error) != 0)
            return error.message;
    return aq_allow_check(allow, &error) == 0 ? "" : error.message;
}

static void settings_that_say_more_than_they_may_are_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"user=build users=build,1000,20000-29999,* root=true directories=/srv,/ commands=/bin/true", ""},
        {"user=root", "allow.user is root: workloads run as root only if their label says so, too; set allow.root"},
        {"user=0", "allow.user is root: workloads run as root only if their label says so, too; set allow.root"},
        {"user=*", "allow.user is \"*\", but must be a user's name or number"},
        {"user=100000-165535", ""},
        {"user=1000-1999", ""},
        {"user=999-5000",
         "allow.user is \"999-5000\", but must be FIRST-LAST, with at least 1000 numbers from 1000 on"},
        {"user=1000-1998",
         "allow.user is \"1000-1998\", but must be FIRST-LAST, with at least 1000 numbers from 1000 on"},
        {"users=build,root",
         "allow.users[1] is root: workloads run as root only if their label says so, too; set allow.root"},
        {"users=00", "allow.users[0] is root: workloads run as root only if their label says so, too; set allow.root"},
        {"users=0-99", "allow.users[0] is \"0-99\", but must be FIRST-LAST, with FIRST above 0 and not above LAST"},
        {"users=99-9", "allow.users[0] is \"99-9\", but must be FIRST-LAST, with FIRST above 0 and not above LAST"},
        {"directories=/srv,srv/jobs", "allow.directories[1] is \"srv/jobs\", but must be an absolute path"},
        {"commands=sh", "allow.commands[0] is \"sh\", but must be an absolute path"},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        AQ_CLEANUP_ARENA struct aq_arena arena = {0};
        struct aq_allow allow;
        assert_string_equal(error_of(rows[i][0], &allow, &arena), rows[i][1]);
    }
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_allow allow;
    char many[1024] = "users=u0", long_path[300];
    for (int i = 1; i < 40; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",u%d", i);
    snprintf(many + strlen(many), sizeof many - strlen(many), " directories=/0");
    for (int i = 1; i < 9; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",/%d", i);
    assert_string_equal(error_of(many, &allow, &arena), "allow.users, allow.directories and allow.commands have 49 "
                                                        "entries together, more than 48");
    memset(long_path, 'x', sizeof long_path);
    snprintf(long_path, 14, "directories=/");
    long_path[13] = 'x';
    long_path[251] = '\0';
    assert_string_equal(error_of(long_path, &allow, &arena), "allow.directories[0] has 239 bytes, more than 238");
}

/* ---- what is refused ---------------------------------------------------------------------------------- */

/* Why a node with these settings refuses these options; "": it does not. */
static const char *refusal(const char *settings, const char *own_user, const char *options)
{
    static struct aq_buffer why;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_allow allow;
    struct aq_demand demand;
    struct aq_error error = {0};
    char text[1024];
    snprintf(text, sizeof text, "%s", options);
    for (char *at = text; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(text, strlen(text), &error);
    assert_non_null(json);
    assert_string_equal(error_of(settings, &allow, &arena), "");
    aq_options_demand(&aq_driver_process, json, &demand, &arena);
    const struct aq_allowance allowance = aq_allowance_make(&allow, own_user, &arena);
    why.length = 0;
    aq_buffer_text(&why, "");
    bool refused = aq_allow_refuses(&allowance.told, &demand, &why);
    assert_int_equal(refused, why.length > 0);
    assert_int_equal(refused, aq_allow_refuses(&allowance.told, &demand, NULL));
    return aq_buffer_string(&why);
}

#define NO_ROOT "workloads may not run as root there (allow.root of its agent)"
#define NOT_IN(directory, list)                                                                                        \
    "workloads may not run in directory \"" directory "\" there, only in their own and in: " list                      \
    " (allow.directories of its agent)"

static void what_is_not_allowed_is_refused_with_the_setting(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *options, *why;
    } rows[] = {
        {"", "{'command':'true'}", ""},
        {"", "{'command':'true','user':'nobody'}", ""},
        {"", "{'command':'true','user':'root'}", NO_ROOT},
        {"", "{'command':'true','user':0}", NO_ROOT},
        {"", "{'command':'true','user':'0000'}", NO_ROOT},
        {"users=*", "{'command':'true','user':'root'}", NO_ROOT},
        {"root=true", "{'command':'true','user':'root'}", ""},
        {"root=true", "{'command':'true','user':0}", ""},
        {"", "{'command':'true','user':'build'}",
         "workloads may not run as user \"build\" there, only as: nobody (allow.users of its agent)"},
        {"", "{'command':'true','user':2147418112}",
         "workloads may not run as user \"2147418112\" there, only as: nobody (allow.users of its agent)"},
        {"", "{'command':'true','isolate':false}",
         "workloads may not see the whole host there (allow.unisolated of its agent)"},
        {"unisolated=true", "{'command':'true','isolate':false}", ""},
        {"", "{'command':'true','root':'/srv/root'}",
         "workloads may not see directory \"/srv/root\" there, only what is in: none (allow.directories of its agent)"},
        {"directories=/srv", "{'command':'true','root':'/srv/root'}", ""},
        {"directories=/srv/a", "{'command':'true','mounts':['/srv/a:/a','/srv/b:/b:rw']}",
         "workloads may not see directory \"/srv/b\" there, only what is in: /srv/a (allow.directories of its agent)"},
        {"directories=/srv", "{'command':'true','mounts':['/srv/a:/a','/srv/b:/b:rw']}", ""},
        {"user=build users=web,2000-2999", "{'command':'true','user':'nobody'}",
         "workloads may not run as user \"nobody\" there, only as: build, web, 2000-2999 (allow.users of its agent)"},
        {"user=build", "{'command':'true','user':'build'}", ""},
        {"users=2000-2999", "{'command':'true','user':2000}", ""},
        {"users=2000-2999", "{'command':'true','user':'2999'}", ""},
        {"users=2000-2999", "{'command':'true','user':3000}",
         "workloads may not run as user \"3000\" there, only as: nobody, 2000-2999 (allow.users of its agent)"},
        {"users=2000", "{'command':'true','user':2000}", ""},
        {"users=*", "{'command':'true','user':'anyone'}", ""},
        {"", "{'command':'true','directory':'/'}", NOT_IN("/", "none")},
        {"user=100000-165535", "{'command':'true'}", ""},
        {"user=100000-165535", "{'command':'true','user':100001}",
         "workloads may not run as user \"100001\" there, only as: none (allow.users of its agent)"},
        {"user=100000-165535", "{'command':'true','user':'root'}", NO_ROOT},
        {"directories=/srv/jobs", "{'command':'true','directory':'/srv/jobs'}", ""},
        {"directories=/srv/jobs/", "{'command':'true','directory':'/srv/jobs'}", ""},
        {"directories=/srv/jobs", "{'command':'true','directory':'/srv/jobs/a/b'}", ""},
        {"directories=/srv/jobs", "{'command':'true','directory':'/srv/jobs2'}", NOT_IN("/srv/jobs2", "/srv/jobs")},
        {"directories=/srv/jobs", "{'command':'true','directory':'/srv'}", NOT_IN("/srv", "/srv/jobs")},
        {"directories=/", "{'command':'true','directory':'/anywhere'}", ""},
        {"commands=/bin/true", "{'command':['/bin/true','x']}", ""},
        {"commands=/bin/true", "{'command':['true']}",
         "workloads may not run \"true\" there, only: /bin/true (allow.commands of its agent)"},
        {"commands=/bin/true", "{'command':['/bin/true2']}",
         "workloads may not run \"/bin/true2\" there, only: /bin/true (allow.commands of its agent)"},
        {"commands=/bin/true", "{'command':'true'}",
         "workloads may not run \"/bin/sh\" there, only: /bin/true (allow.commands of its agent)"},
        {"commands=/bin/true", "{'command':['/bin/true'],'environment':{'A':1}}", ""},
        {"commands=/bin/true", "{'command':['/bin/true'],'environment':{'A':1,'LD_PRELOAD':'/tmp/x.so'}}",
         "the variable LD_PRELOAD could make another program of /bin/true there (allow.commands of its agent)"},
        {"", "{'command':'true','environment':{'LD_PRELOAD':'/tmp/x.so'}}", ""},
        {"", "{'command':'true','new_privileges':true}",
         "workloads may not gain privileges there (allow.new_privileges of its agent)"},
        {"new_privileges=true", "{'command':'true','new_privileges':true}", ""},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        assert_string_equal(refusal(rows[i].settings, "", rows[i].options), rows[i].why);
}

static void an_agent_that_is_not_root_has_its_own_user_alone(void **state)
{
    (void)state;
    assert_string_equal(refusal("root=true users=*", "agent", "{'command':'true','user':'root'}"), NO_ROOT);
    assert_string_equal(refusal("users=*", "agent", "{'command':'true','user':'nobody'}"),
                        "workloads may not run as user \"nobody\" there, only as: agent (allow.users of its agent)");
    assert_string_equal(refusal("", "agent", "{'command':'true','user':'agent'}"), "");
    assert_string_equal(refusal("", "agent", "{'command':'true'}"), "");
}

static void an_older_agent_refuses_nothing_that_is_known(void **state)
{
    (void)state;
    const char *identifiers[] = {"os:linux", "user:build", "not-allows:root"};
    const struct aq_list list = {identifiers, AQ_LENGTH(identifiers)};
    const struct aq_demand demand = {.user = "root", .directory = "/", .new_privileges = true};
    assert_false(aq_allow_refuses(&list, &demand, NULL));
}

/* ---- the driver --------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    return rig_setup(state, "process");
}

static const char *run(struct rig *rig, const char *options)
{
    const struct rig_workload *workload = &rig->seen[rig_start(rig, options)];
    for (int turns = 0; workload->failed == 0 && workload->ended == 0 && turns < 500; turns++)
        rig_turn(rig, 20);
    return workload->failed != 0 ? workload->reason : rig_log(rig, rig->used, 4096);
}

static void without_a_word_nothing_runs_as_root(void **state)
{
    struct rig *rig = *state;
    static const char *const tight[] = {NULL};
    struct aq_error error = {0};
    struct driver_spec spec = {.metadata_json = "{}"};
    if (geteuid() != 0)
        skip();
    rig_allow(rig, tight);
    assert_string_equal(run(rig,
                            "{'command':'test $(id -u) -ge 2147418112 && test $(id -u) = $(id -G) && test $(id -u) "
                            "= $(id -g) && touch mine && test $(id -u) = $(stat -c %u mine) && cd $HOME && ls'}"),
                        "mine\n");
    assert_string_equal(run(rig, "{'command':'id -u; id -G; touch mine && stat -c %U mine','user':'nobody'}"),
                        "65534\n65534\nnobody\n"); /* as labels of earlier builds say */
    assert_string_equal(run(rig, "{'command':'grep -h NoNewPrivs /proc/self/status; grep Cap.*: /proc/self/status | "
                                 "grep -v Bnd: | grep -c 0000000000000000'}"),
                        "NoNewPrivs:\t1\n4\n");
    assert_int_equal(rig_try_start(rig, "{'command':'id -u','user':'root'}", spec, &error), 0);
    assert_string_equal(error.message, "refused by the node: " NO_ROOT);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_int_equal(rig_try_start(rig, "{'command':'id -u','user':'daemon'}", spec, &error), 0);
    assert_int_equal(rig_try_start(rig, "{'command':'id -u','directory':'/usr'}", spec, &error), 0);
}

static void root_needs_the_word_of_both(void **state)
{
    struct rig *rig = *state;
    static const char *const root[] = {"root=true", NULL};
    if (geteuid() != 0)
        skip();
    rig_allow(rig, root);
    assert_string_equal(run(rig, "{'command':'test $(id -u) -ge 2147418112 && echo own'}"), "own\n");
    assert_string_equal(run(rig, "{'command':'id -u','user':'root'}"), "0\n");
    assert_string_equal(run(rig, "{'command':'id -u','user':0}"), "0\n");
}

/* From here on, this process has a mount namespace of its own, where root has another name, too. */
static int set_up_toor(void **state)
{
    char path[] = "/tmp/aq-passwd.XXXXXX", command[160];
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    snprintf(command, sizeof command, "cat /etc/passwd >%s; echo 'toor:x:0:0::/:/bin/sh' >>%s; chmod 644 %s", path,
             path, path);
    bool made = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && system(command) == 0 &&
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount(path, "/etc/passwd", NULL, MS_BIND, NULL) == 0;
    unlink(path);
    return made || geteuid() != 0 ? rig_setup(state, "process") : -1;
}

static void another_name_of_root_is_root(void **state)
{
    struct rig *rig = *state;
    static const char *const any[] = {"users=*", NULL}, *const preset[] = {"user=toor", NULL};
    static const char *const root[] = {"users=*", "root=true", NULL};
    if (geteuid() != 0)
        skip();
    assert_non_null(getpwnam("toor"));
    rig_allow(rig, any);
    assert_string_equal(run(rig, "{'command':'id -u','user':'toor'}"),
                        "refused by the node: user \"toor\" is root, and " NO_ROOT);
    rig_allow(rig, preset);
    assert_string_equal(run(rig, "{'command':'id -u'}"),
                        "refused by the node: its preset user \"toor\" is root, and the label does not ask for root "
                        "(allow.user of its agent)");
    rig_allow(rig, root);
    assert_string_equal(run(rig, "{'command':'id -u','user':'toor'}"), "0\n");
}

static void each_workload_may_have_a_number_of_its_own(void **state)
{
    struct rig *rig = *state;
    static const char *const own[] = {"user=1000000-1000999", "users=*", NULL};
    struct aq_error error = {0};
    struct driver_spec spec = {.metadata_json = "{}"};
    char command[400];
    if (geteuid() != 0)
        skip();
    rig_allow(rig, own);
    assert_string_equal(run(rig, "{'command':'id -u; id -G; touch mine && stat -c %u mine'}"),
                        "1000001\n1000001\n1000001\n"); /* it is resource 1 */
    /* The number of the next one is taken by a process of this host. */
    pid_t other = fork();
    if (other == 0) {
        if (setgid(1000003) != 0 || setuid(1000003) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            _exit(1);
        for (;;)
            pause();
    }
    uint64_t secret;
    rig_start_running(rig, "{'command':'echo secret > mine; chmod 600 mine; exec sleep 1000'}", &secret);
    assert_int_equal(secret, 2);
    snprintf(command, sizeof command,
             "{'command':'id -u; cat %s/work/mine 2>/dev/null || echo no; kill %d 2>/dev/null || echo no'}",
             rig_directory(rig, secret), (int)rig->seen[secret].pid);
    assert_string_equal(run(rig, command), "1000004\nno\nno\n");
    /* Nor does a label name the number of another. */
    assert_int_equal(rig_try_start(rig, "{'command':'id -u','user':1000002}", spec, &error), 0);
    assert_string_equal(error.message, "refused by the node: user \"1000002\" is one of the numbers that each workload "
                                       "gets as its own (allow.user of its agent)");
    assert_string_equal(run(rig, "{'command':'id -u','user':1001000}"), "1001000\n");
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    rig->type->stop(rig->driver, secret);
    rig_await(rig, &rig->seen[secret].ended);
}

/* Such as that of shadow: a number without a user would have the group. */
static void a_number_does_not_give_a_group_of_the_host(void **state)
{
    struct rig *rig = *state;
    static const char *const any[] = {"users=*", NULL};
    char options[100];
    unsigned number = 1;
    if (geteuid() != 0)
        skip();
    while (number < 1000 && (getgrgid(number) == NULL || getpwuid(number) != NULL))
        number++;
    assert_true(number < 1000);
    rig_allow(rig, any);
    snprintf(options, sizeof options, "{'command':'id -G','user':%u}", number);
    assert_non_null(strstr(run(rig, options), "this host has no user with that number, but a group"));
    assert_string_equal(run(rig, "{'command':'id -G','user':54321}"), "54321\n");
}

static void a_directory_does_not_lead_out(void **state)
{
    struct rig *rig = *state;
    char allowed[120], inside[140], link[160], setting[140], options[400];
    snprintf(allowed, sizeof allowed, "%s/allowed", rig->base);
    snprintf(inside, sizeof inside, "%s/inside", allowed);
    snprintf(link, sizeof link, "%s/link", inside);
    snprintf(setting, sizeof setting, "directories=%s", allowed);
    assert_int_equal(mkdir(allowed, 0755), 0);
    assert_int_equal(mkdir(inside, 0755), 0);
    assert_int_equal(symlink("/usr", link), 0);
    const char *const settings[] = {setting, NULL};
    rig_allow(rig, settings);
    snprintf(options, sizeof options, "{'command':'pwd','directory':'%s'}", inside);
    assert_string_equal(run(rig, options) + strlen(rig->base), "/allowed/inside\n");
    static const char *const out[] = {"link", "..//../..", "../../r1"};
    for (size_t i = 0; i < AQ_LENGTH(out); i++) {
        snprintf(options, sizeof options, "{'command':'pwd','directory':'%s/%s'}", inside, out[i]);
        const char *said = run(rig, options);
        assert_non_null(strstr(said, "refused by the node: directory "));
        assert_non_null(strstr(said, "leads out of"));
    }
    snprintf(options, sizeof options, "{'command':'pwd','directory':'%s/..'}", inside);
    assert_string_equal(run(rig, options) + strlen(rig->base), "/allowed\n");
}

/* A program that runs as its owner, root, whichever user starts it. */
static void privileges_are_not_gained(void **state)
{
    struct rig *rig = *state;
    char command[300], directories[100];
    if (geteuid() != 0)
        skip();
    snprintf(command, sizeof command, "cp /usr/bin/id '%s/rootly' && chmod 4755 '%s/rootly'", rig->base, rig->base);
    assert_int_equal(system(command), 0);
    snprintf(directories, sizeof directories, "directories=%s", rig->base);
    const char *const tight[] = {directories, NULL}, *const open[] = {directories, "new_privileges=true", NULL};
    rig_allow(rig, tight);
    snprintf(command, sizeof command, "{'command':['/made/rootly','-u'],'user':'nobody','mounts':['%s:/made']}",
             rig->base);
    assert_string_equal(run(rig, command), "65534\n");
    rig_allow(rig, open);
    assert_string_equal(run(rig, command), "65534\n"); /* the label does not ask for it */
    snprintf(command, sizeof command,
             "{'command':['/made/rootly','-u'],'user':'nobody','mounts':['%s:/made'],'new_privileges':true}",
             rig->base);
    assert_string_equal(run(rig, command), "0\n");
}

static void ports_of_a_node_are_asked_for(void **state)
{
    (void)state;
    static const char *const wide[] = {"8080", "20000-29999"}, *const ports[] = {"8080:80", "20010:53/udp"},
                             *const other[] = {"8080:80", "30000:80"};
    const struct aq_list wide_list = {(void *)(uintptr_t)wide, 2}, none = {0},
                         port_list = {(void *)(uintptr_t)ports, 2}, other_list = {(void *)(uintptr_t)other, 2};
    struct aq_demand demand = {.user = "", .directory = "", .ports = &port_list};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer why = {0};
    const char *texts[4] = {"allows:own_user"};
    struct aq_list told = {texts, 1};
    assert_true(aq_demand_asks(&demand));
    assert_false(aq_allow_refuses(&told, &demand, NULL)); /* of an earlier build */
    aq_allow_tell_containers(&wide_list, false, &told, &arena);
    assert_string_equal(texts[1], "allows:ports:8080+20000-29999");
    assert_false(aq_allow_refuses(&told, &demand, &why));
    demand.ports = &other_list;
    assert_true(aq_allow_refuses(&told, &demand, NULL));
    assert_true(aq_allow_refuses(&told, &demand, &why));
    assert_string_equal(aq_buffer_string(&why), "port 30000 may not lead to containers there, only: 8080+20000-29999 "
                                                "(container.ports of its agent)");
    demand = (struct aq_demand){.user = "", .directory = "", .host_network = true};
    assert_true(aq_demand_asks(&demand));
    assert_true(aq_allow_refuses(&told, &demand, NULL));
    told.count = 1;
    aq_allow_tell_containers(&none, true, &told, &arena);
    assert_string_equal(texts[1], "allows:ports:none");
    assert_false(aq_allow_refuses(&told, &demand, NULL));
    demand.ports = &port_list;
    assert_true(aq_allow_refuses(&told, &demand, NULL));
    demand = (struct aq_demand){.user = "", .directory = ""};
    assert_false(aq_demand_asks(&demand));
    assert_false(aq_allow_refuses(&told, &demand, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_of_a_node_are_asked_for),
        cmocka_unit_test(settings_that_say_more_than_they_may_are_named),
        cmocka_unit_test(what_is_not_allowed_is_refused_with_the_setting),
        cmocka_unit_test(an_agent_that_is_not_root_has_its_own_user_alone),
        cmocka_unit_test(an_older_agent_refuses_nothing_that_is_known),
        cmocka_unit_test_setup_teardown(without_a_word_nothing_runs_as_root, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(root_needs_the_word_of_both, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(each_workload_may_have_a_number_of_its_own, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(a_number_does_not_give_a_group_of_the_host, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(a_directory_does_not_lead_out, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(privileges_are_not_gained, set_up, rig_teardown),
        cmocka_unit_test_setup_teardown(another_name_of_root_is_root, set_up_toor, rig_teardown), /* the last one */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
