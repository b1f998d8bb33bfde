/* aq against a server that answers what it is told: what it sends to change something, and how it repeats that. */
#include "tests/lib/aq_server.h"

#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_write_is_repeated_with_its_key(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/", 503, "{\"message\":\"busy\"}", 1}, {"POST", "/api/v1/label/", BREAKS, "", 1},
            {"POST", "/api/v1/label/", 504, "{\"message\":\"unknown\"}", 1},
            {"POST", "/api/v1/label/", 200,
             "{\"message\":\"Label created\",\"data\":{\"id\":3,\"name\":\"x\",\"version\":2},\"seq\":9}"});
    assert_int_equal(aq_run("labels create name=x metadata.a=1"), CLI_DONE);
    assert_string_equal(aq_out, "label x:2 created\n");
    assert_non_null(strstr(aq_err, "busy; trying again"));
    assert_int_equal(server.seen_count, 4);
    assert_int_equal(strlen(server.seen[0].key), 32);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(server.seen[i].key, server.seen[0].key);
        assert_string_equal(server.seen[i].body, "{\"name\":\"x\",\"metadata\":{\"a\":\"1\"}}");
    }
    assert_int_equal(aq_run("labels create name=x"), CLI_DONE);
    assert_string_not_equal(server.seen[4].key, server.seen[0].key);
}

static void patience_ends(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/", 503, "{\"message\":\"there is no leader\"}"});
    uint64_t start_ms = aq_clock_ms();
    assert_int_equal(aq_run("labels create name=x --timeout 1"), CLI_SERVER);
    assert_in_range(aq_clock_ms() - start_ms, 200, 10000);
    assert_in_range(server.seen_count, 2, 20);
    assert_non_null(strstr(aq_err, "aq: there is no leader\n"));
    assert_string_equal(aq_out, "");
}

static void what_is_refused_is_not_repeated(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 400,
             "{\"message\":\"lable is not known; did you mean label?\",\"error\":\"invalid\"}"},
            {"POST", "/api/v1/application/7/deallocate", 409, "{\"message\":\"it is over\",\"error\":\"state\"}"});
    assert_int_equal(aq_run("applications create lable=x"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: lable is not known; did you mean label?\n");
    assert_int_equal(server.seen_count, 1);
}

static void many_are_one_batch(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/", 200,
             "{\"message\":\"2 applications created\",\"data\":[{\"id\":1},{\"id\":2}],\"seq\":9}"});
    assert_int_equal(aq_run("applications create mac --count 2"), CLI_DONE);
    assert_string_equal(server.seen[0].body, "[{\"label\":\"mac\"},{\"label\":\"mac\"}]");
    assert_string_equal(server.seen[0].prefer, "return=minimal");
    assert_string_equal(aq_out, "application 1 created\napplication 2 created\n");
    assert_int_equal(aq_run("applications create mac --count 2 --json"), CLI_DONE);
    assert_string_equal(server.seen[1].prefer, ""); /* the rows are shown */
}

static void a_secret_is_named_or_not_sent(void **state)
{
    (void)state;
    char path[] = "/tmp/aq-secret.XXXXXX", line[128];
    AQ_CLEANUP_FD int fd = mkstemp(path);
    assert_int_equal(write(fd, "it\n", 3), 3);
    ANSWERS({"POST", "/api/v1/application/", 200, "{\"data\":{\"id\":1},\"seq\":9}"},
            {"POST", "/api/v1/label/", 200, "{\"data\":{\"id\":1,\"name\":\"x\",\"version\":1},\"seq\":9}"});
    snprintf(line, sizeof line, "applications create db --secret password=%s", path);
    assert_int_equal(aq_run(line), CLI_DONE);
    assert_string_equal(server.seen[0].body,
                        "{\"label\":\"db\",\"metadata\":{\"password\":\"it\"},\"secrets\":[\"password\"]}");
    snprintf(line, sizeof line, "labels create name=x secrets=a,passwords --secret password=%s", path);
    assert_int_equal(aq_run(line), CLI_USAGE);
    assert_string_equal(aq_err, "aq: --secret password: the label's field secrets does not name it, so it would be no "
                                "secret\n");
    assert_int_equal(server.seen_count, 1);
    snprintf(line, sizeof line, "labels create name=x secrets=a,password --secret password=%s", path);
    assert_int_equal(aq_run(line), CLI_DONE);
    assert_string_equal(server.seen[1].body,
                        "{\"name\":\"x\",\"secrets\":\"a,password\",\"metadata\":{\"password\":\"it\"}}");
    unlink(path);
}

static void what_takes_no_fields_is_created_without(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/epoch/", 200, "{\"data\":{\"name\":\"e2\",\"number\":2},\"seq\":9}"});
    assert_int_equal(aq_run("epochs create"), CLI_DONE);
    assert_string_equal(server.seen[0].body, "{}");
    assert_string_equal(aq_out, "epoch e2 created\n");
    assert_int_equal(aq_run("users create"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "nothing to create"));
}

static void an_act_has_keys_and_a_value(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/node/a/maintenance", 200, "{\"data\":{\"name\":\"a\",\"maintenance\":true},\"seq\":9}"},
            {"POST", "/api/v1/node/b/maintenance", 404, "{\"message\":\"there is no node b\"}"},
            {"POST", "/api/v1/node/c/maintenance", 200, "{\"data\":{\"name\":\"c\",\"maintenance\":false},\"seq\":9}"});
    assert_int_equal(aq_run("nodes maintenance a b c true"), CLI_REFUSED);
    assert_string_equal(aq_out, "node a: maintenance on\nnode c: maintenance off\n");
    assert_string_equal(aq_err, "aq: there is no node b\n");
    assert_string_equal(server.seen[0].body, "{\"maintenance\":\"true\"}");
    assert_int_equal(aq_run("node c maintenance false"), CLI_DONE);
    assert_string_equal(server.seen[3].body, "{\"maintenance\":\"false\"}");
}

/* What is a field as well is the command when its flags are there; --timeout is the drain's, not aq's own. */
static void flags_of_an_act_are_its_fields(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/node/a/drain", 200, "{\"data\":{\"name\":\"a\"},\"seq\":9}"},
            {"POST", "/api/v1/node/a/maintenance", 200, "{\"data\":{\"name\":\"a\",\"maintenance\":true},\"seq\":9}"},
            {"GET", "/api/v1/node/a", 200, "{\"data\":{\"name\":\"a\",\"maintenance\":true},\"seq\":9}"});
    assert_int_equal(aq_run("node a drain --timeout 1h --force"), CLI_DONE);
    assert_string_equal(aq_out, "node a drain set\n");
    assert_string_equal(server.seen[0].body, "{\"timeout\":\"3600\",\"force\":\"true\"}");
    assert_int_equal(aq_run("node a maintenance --shutdown-after 10m"), CLI_DONE);
    assert_string_equal(server.seen[1].body, "{\"shutdown_after\":\"10m\"}");
    assert_int_equal(aq_run("node a maintenance --cancel"), CLI_DONE);
    assert_string_equal(server.seen[2].body, "{\"cancel\":\"true\"}");
    assert_int_equal(aq_run("node a maintenance"), CLI_DONE); /* the field */
    assert_seen(3, "GET /api/v1/node/a");
}

static void an_update_keeps_what_is_not_given(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/user/bob", 200,
             "{\"data\":{\"name\":\"bob\",\"role\":\"admin\",\"max_applications\":5},\"seq\":8}"},
            {"POST", "/api/v1/user/bob", 200, "{\"data\":{\"name\":\"bob\"},\"seq\":9}"});
    assert_int_equal(aq_run("users update bob max_applications=6"), CLI_DONE);
    assert_string_equal(server.seen[1].body, "{\"role\":\"admin\",\"max_applications\":\"6\"}");
    assert_string_equal(aq_out, "user bob updated\n");
}

static void a_token_stands_alone(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/user/", 200, "{\"data\":{\"name\":\"bob\",\"token\":\"aq_new\"},\"seq\":9}", 1},
            {"POST", "/api/v1/user/", 200, "{\"data\":{\"name\":\"bob\"},\"seq\":9,\"repeated\":true}"});
    assert_int_equal(aq_run("users create bob role=user"), CLI_DONE);
    assert_string_equal(aq_out, "aq_new\n");
    assert_null(strstr(aq_err, "aq_new"));
    assert_string_equal(server.seen[0].body, "{\"role\":\"user\",\"name\":\"bob\"}");
    assert_int_equal(aq_run("users create bob role=user"), CLI_DONE);
    assert_string_equal(aq_out, "");
    assert_non_null(strstr(aq_err, "was lost; create another token"));
}

static void a_dry_run_shows_events(void **state)
{
    (void)state;
    ANSWERS({"DELETE", "/api/v1/node/a?dry_run=true", 200,
             "{\"data\":[{\"seq\":10,\"time\":\"T\",\"author\":\"admin\",\"event\":\"node_deleted\",\"data\":{\"name\":"
             "\"a\"}}],\"seq\":9}"});
    assert_int_equal(aq_run("nodes delete a --dry-run"), CLI_DONE);
    assert_string_equal(aq_out, "10  T  admin  node_deleted  name=a\n");
}

static void a_label_goes_by_its_name(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/label/mac:2", 200, "{\"data\":{\"id\":5,\"name\":\"mac\",\"version\":2},\"seq\":8}"},
            {"GET", "/api/v1/label/mac", 200, "{\"data\":{\"id\":6,\"name\":\"mac\",\"version\":3},\"seq\":8}"},
            {"GET", "/api/v1/label/pc", 404, "{\"message\":\"there is no label pc\",\"seq\":8}"},
            {"DELETE", "/api/v1/label/mac:2", 200, "{\"data\":null,\"seq\":9}"},
            {"DELETE", "/api/v1/label/mac:3", 200, "{\"data\":null,\"seq\":9}"});
    assert_int_equal(aq_run("labels delete mac:2"), CLI_DONE);
    assert_string_equal(aq_out, "label mac:2 deleted\n");
    assert_int_equal(aq_run("labels delete mac"), CLI_DONE); /* what goes is named */
    assert_string_equal(aq_out, "label mac:3 deleted\n");
    assert_int_equal(aq_run("labels get pc"), CLI_REFUSED);
    assert_string_equal(aq_err, "aq: there is no label pc\n");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void files_need_no_flag(void **state)
{
    (void)state;
    char directory[] = "/tmp/aq-test-XXXXXX", one[64], two[64], line[200];
    assert_non_null(mkdtemp(directory));
    snprintf(one, sizeof one, "%s/a.yml", directory);
    snprintf(two, sizeof two, "%s/plain", directory);
    write_file(one,
               "---\nname: a\ndefinitions:\n  - driver: process\n    options:\n      command: x\n      pids: many\n");
    write_file(two, "---\n- {name: b}\n- {name: c}\n");
    ANSWERS({"POST", "/api/v1/label/apply", 200,
             "{\"data\":{\"id\":3,\"name\":\"a\",\"version\":2},\"unchanged\":true,\"seq\":9}", 1},
            {"POST", "/api/v1/label/apply", 200,
             "{\"data\":{\"id\":4,\"name\":\"b\",\"version\":1},\"warnings\":[\"mind b\"],\"seq\":9}"},
            {"POST", "/api/v1/label/", 400,
             "{\"message\":\"item 1: definitions[0].options (driver process): option \\\"pids\\\" is bad\"}", 1},
            {"POST", "/api/v1/label/", 400, "{\"message\":\"item 3: name is wrong\"}"});
    snprintf(line, sizeof line, "labels apply %s %s", one, two); /* one by one */
    assert_int_equal(aq_run(line), CLI_DONE);
    assert_string_equal(aq_out, "label a:2 unchanged\nlabel b:1 created\nlabel b:1 created\n");
    assert_string_equal(aq_err, "aq: warning: mind b\naq: warning: mind b\n");
    assert_string_equal(server.seen[1].body, "{\"name\":\"b\"}");
    assert_int_equal(server.seen_count, 3);
    snprintf(line, sizeof line, "labels create %s %s", one, two); /* all or none */
    assert_int_equal(aq_run(line), CLI_REFUSED);
    assert_non_null(strstr(aq_err, "/a.yml:7:13: definitions[0].options (driver process): option \"pids\" is bad\n"));
    assert_int_equal(aq_run(line), CLI_REFUSED);
    assert_non_null(strstr(aq_err, "/plain:3:10: name is wrong\n"));
    assert_int_equal(aq_run("labels apply nosuch.yml"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "nosuch.yml: No such file"));
    unlink(one);
    unlink(two);
    rmdir(directory);
}

static void fields_are_given_as_words_or_as_flags(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/join_token/", 200,
             "{\"message\":\"made\",\"data\":{\"id\":3,\"token\":\"aqjoin_x\"},\"seq\":9}"},
            {"POST", "/api/v1/join_token/", 200,
             "{\"message\":\"made\",\"data\":{\"id\":4,\"token\":\"aqjoin_y\"},\"seq\":10}"});
    assert_int_equal(aq_run("nodes token --name build-* --ttl 1h --replaces uses=20"), CLI_DONE);
    assert_string_equal(aq_out, "aqjoin_x\n"); /* one line to paste */
    assert_non_null(strstr(aq_err, "join token 3, a secret that is never shown again"));
    assert_string_equal(server.seen[0].body,
                        "{\"uses\":\"20\",\"name\":\"build-*\",\"ttl\":\"1h\",\"replaces\":\"true\"}");
    assert_int_equal(aq_run("join-tokens create --replaces false --name=*"), CLI_DONE);
    assert_string_equal(server.seen[1].body, "{\"replaces\":\"false\",\"name\":\"*\"}");
    assert_int_equal(aq_run("nodes token build-1"), CLI_DONE);
    assert_string_equal(server.seen[2].body, "{\"name\":\"build-1\"}");
    assert_int_equal(aq_run("nodes token --hash x"), CLI_USAGE); /* that is the server's */
    assert_int_equal(aq_run("nodes token --address x"), CLI_USAGE);
    assert_int_equal(server.seen_count, 3);
}

static void what_runs_is_in_the_label(void **state)
{
    (void)state;
    assert_int_equal(aq_run("run tests.yml"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: \"tests.yml\" is a file, but a label is wanted; to create one: aq labels apply "
                                "tests.yml\n");
    assert_int_equal(aq_run("run mac echo hi"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: \"echo\" is not field=value; what runs is in the label: aq describe label mac\n");
    assert_int_equal(aq_run("run mac --lifetime!=5m"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: --lifetime!= is a filter, for lists; a field of a command is given as "
                                "--lifetime=\n");
    assert_int_equal(aq_run("run mac --name x"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: aq run takes no --name: that is a filter, for lists; see aq run --help\n");
    assert_int_equal(aq_run("run mac -n 3"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: aq run takes no -n; see aq run --help\n"); /* as it was typed */
    static const char *const lines[] = {"logs mac", "stop mac", "wait mac", "application why mac"};
    for (size_t i = 0; i < AQ_LENGTH(lines); i++) {
        assert_int_equal(aq_run(lines[i]), CLI_USAGE);
        assert_string_equal(aq_err,
                            "aq: \"mac\" is not the number of an application; those of a label: aq applications "
                            "-l mac\n");
    }
    assert_int_equal(server.seen_count, 0);
}

static void an_outcome_says_what_became_of_it(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/application/1/extend", 200,
             "{\"data\":{\"id\":1,\"status\":\"ALLOCATED\",\"expires_at\":\"2026-11-21T00:03:18.433Z\"},\"seq\":9}"},
            {"POST", "/api/v1/application/2/extend", 200, /* it has not started */
             "{\"data\":{\"id\":2,\"status\":\"NEW\",\"expires_at\":null},\"seq\":9}"},
            {"POST", "/api/v1/application/1/deallocate", 200,
             "{\"data\":{\"id\":1,\"status\":\"DEALLOCATE\",\"expires_at\":\"2026-11-21T00:03:18.433Z\"},\"seq\":9}"},
            {"POST", "/api/v1/application/2/deallocate", 200,
             "{\"data\":{\"id\":2,\"status\":\"RECALLED\"},\"unchanged\":true,\"seq\":9}"});
    assert_int_equal(aq_run("extend 1 2h"), CLI_DONE);
    assert_string_equal(aq_out, "application 1: extend done: its lifetime ends at 2026-11-21T00:03:18.433Z\n");
    assert_int_equal(aq_run("extend 2 2h"), CLI_DONE);
    assert_string_equal(aq_out, "application 2: extend done\n");
    assert_int_equal(aq_run("rm 1 2"), CLI_DONE);
    assert_string_equal(aq_out, "application 1: deallocate done\napplication 2: deallocate: there was nothing to do\n");
}

static void what_was_done_is_told(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/join_token/3/revoke", 200, "{\"data\":{\"id\":3},\"seq\":9}", 1},
            {"POST", "/api/v1/join_token/3/revoke", 200, "{\"data\":{\"id\":3},\"unchanged\":true,\"seq\":9}"},
            {"POST", "/api/v1/node/n1/revoke", 200, "{\"data\":{\"name\":\"n1\"},\"seq\":9}"});
    assert_int_equal(aq_run("join-tokens revoke 3"), CLI_DONE);
    assert_string_equal(aq_out, "join token 3 revoked\n");
    assert_int_equal(aq_run("join-tokens revoke 3"), CLI_DONE);
    assert_string_equal(aq_out, "join token 3: revoke: there was nothing to do\n");
    assert_int_equal(aq_run("nodes revoke n1"), CLI_DONE);
    assert_string_equal(aq_out, "node n1 revoked\n");
    assert_int_equal(aq_run("users create"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "give its name, field=value words, or -f FILE"));
    assert_int_equal(aq_run("users create --help"), CLI_DONE);
    assert_non_null(strstr(aq_out, "A word alone is the name."));
}

/* ---- editing ------------------------------------------------------------------------------------------------ */

#define LABEL "{\"data\":{\"id\":5,\"name\":\"mac\",\"version\":2,\"metadata\":{\"a\":\"x\"}},\"seq\":8}"

static void a_label_is_edited(void **state)
{
    (void)state;
    ANSWERS({"GET", "/api/v1/label/mac", 200, LABEL},
            {"POST", "/api/v1/label/apply", 200, "{\"data\":{\"id\":6,\"name\":\"mac\",\"version\":3},\"seq\":9}"});
    unsetenv("VISUAL");
    setenv("EDITOR", "true", 1);
    assert_int_equal(aq_run("labels edit mac"), CLI_DONE);
    assert_string_equal(aq_err, "nothing was changed\n");
    assert_int_equal(server.seen_count, 1);
    setenv("EDITOR", "sed -i s/x/y/", 1);
    assert_int_equal(aq_run("edit label mac"), CLI_DONE);
    assert_string_equal(server.seen[2].body, "{\"name\":\"mac\",\"metadata\":{\"a\":\"y\"}}");
    setenv("VISUAL", "sed -i s/mac/pc/", 1); /* goes before EDITOR; a name stays, and the error is told */
    assert_int_equal(aq_run("labels edit mac"), CLI_USAGE);
    assert_non_null(strstr(aq_err, "name must stay mac"));
    assert_int_equal(server.seen_count, 4);
    setenv("VISUAL", "false", 1);
    assert_int_equal(aq_run("labels edit mac"), CLI_FAILED);
    unsetenv("VISUAL");
}

static void what_is_saved_wrongly_is_edited_again(void **state)
{
    (void)state;
    char path[256], line[TEXT_SIZE] = "";
    ANSWERS({"GET", "/api/v1/label/mac", 200, LABEL},
            {"POST", "/api/v1/label/apply", 400, "{\"message\":\"metadata is bad\",\"error\":\"invalid\"}"});
    setenv("EDITOR", "sed -i s/x/y/", 1); /* changes nothing the second time */
    assert_int_equal(aq_run("labels edit mac"), CLI_REFUSED);
    const char *kept = strstr(aq_err, "aq: metadata is bad; the text is kept in ");
    assert_non_null(kept);
    assert_int_equal(sscanf(kept, "aq: metadata is bad; the text is kept in %255s", path), 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(line, 1, sizeof line - 1, file);
    line[length] = '\0';
    fclose(file);
    remove(path);
    assert_ptr_equal(strstr(line, "# aq: metadata is bad\n"), line);
    assert_non_null(strstr(line, "a: y\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_write_is_repeated_with_its_key),
        SERVER_TEST(patience_ends),
        SERVER_TEST(what_is_refused_is_not_repeated),
        SERVER_TEST(many_are_one_batch),
        SERVER_TEST(a_secret_is_named_or_not_sent),
        SERVER_TEST(what_takes_no_fields_is_created_without),
        SERVER_TEST(an_act_has_keys_and_a_value),
        SERVER_TEST(flags_of_an_act_are_its_fields),
        SERVER_TEST(an_update_keeps_what_is_not_given),
        SERVER_TEST(a_token_stands_alone),
        SERVER_TEST(a_dry_run_shows_events),
        SERVER_TEST(a_label_goes_by_its_name),
        SERVER_TEST(files_need_no_flag),
        SERVER_TEST(fields_are_given_as_words_or_as_flags),
        SERVER_TEST(what_runs_is_in_the_label),
        SERVER_TEST(an_outcome_says_what_became_of_it),
        SERVER_TEST(what_was_done_is_told),
        SERVER_TEST(a_label_is_edited),
        SERVER_TEST(what_is_saved_wrongly_is_edited_again),
    };
    return aq_server_run_tests("aq: writes", tests, AQ_LENGTH(tests));
}
