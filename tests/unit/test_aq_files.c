/* aq reads files: JSON and YAML, with any number of documents, and says where in them an error of the server is. */
#include "tests/lib/aq_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

/* Runs "aq labels VERB FILE". */
static enum cli_exit run_with(const char *verb, const char *text)
{
    char line[128];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    snprintf(line, sizeof line, "labels %s -f %s", verb, path);
    return aq_run(line);
}

/* What is said after the file's name. */
static const char *place(void)
{
    const char *found = strstr(aq_err, path);
    return found != NULL ? found + strlen(path) : aq_err;
}

static void each_document_counts(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/apply", 200, "{\"data\":{\"id\":4,\"name\":\"b\",\"version\":1},\"seq\":9}"},
            {"POST", "/api/v1/label/", 200, "{\"data\":[],\"seq\":9}"});
    assert_int_equal(run_with("apply", "---\nname: a\n---\n# nothing\n---\n- name: b\n- name: c\n"), CLI_DONE);
    assert_int_equal(server.seen_count, 3);
    assert_string_equal(server.seen[0].body, "{\"name\":\"a\"}");
    assert_string_equal(server.seen[2].body, "{\"name\":\"c\"}");
    assert_int_equal(run_with("create", "name: a\n---\nname: b\n"), CLI_DONE); /* all or none */
    assert_string_equal(server.seen[3].body, "[{\"name\":\"a\"},{\"name\":\"b\"}]");
    assert_int_equal(run_with("apply", "# nothing\n"), CLI_USAGE);
    assert_string_equal(aq_err, "aq: nothing to create: the files contain no objects\n");
    assert_int_equal(run_with("apply", "name: a\n---\nb\n"), CLI_USAGE);
    assert_string_equal(place(), " holds neither an object nor a list of objects\n");
    assert_int_equal(server.seen_count, 4);
}

static void an_error_has_its_place_in_any_document(void **state)
{
    (void)state;
    ANSWERS({"POST", "/api/v1/label/", 400, "{\"message\":\"item 2: definitions[0].x is not known\"}", 1},
            {"POST", "/api/v1/label/", 400, "{\"message\":\"definitions[0].x is not known\"}"});
    assert_int_equal(run_with("create", "name: a\n---\nname: b\ndefinitions:\n- driver: test\n  x: 1\n"), CLI_REFUSED);
    assert_string_equal(place(), ":6:6: definitions[0].x is not known\n");
    assert_int_equal(run_with("create", "{\"name\": \"a\",\n \"definitions\": [\n  {\"x\": 1}]}\n"), CLI_REFUSED);
    assert_string_equal(place(), ":3:9: definitions[0].x is not known\n");
    /* YAML reads this otherwise than JSON, which wins. */
    assert_int_equal(run_with("create", "{\"name\": \"\\ud83d\\ude00\", \"definitions\": [{\"x\": 1}]}\n"),
                     CLI_REFUSED);
    assert_string_equal(aq_err, "aq: definitions[0].x is not known\n");
    assert_string_equal(server.seen[2].body, "{\"name\":\"\xF0\x9F\x98\x80\",\"definitions\":[{\"x\":1}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(each_document_counts),
        SERVER_TEST(an_error_has_its_place_in_any_document),
    };
    snprintf(path, sizeof path, "/tmp/aq-test-%d.yml", (int)getpid());
    int failed = aq_server_run_tests("aq: files", tests, AQ_LENGTH(tests));
    unlink(path);
    return failed;
}
