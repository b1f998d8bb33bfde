/* The faces refuse in the same words: REST, and the file view with the hub behind it. */
#include "fs/tree/control.h"
#include "schema/model/access.h"
#include "schema/model/user.h"
#include "tests/lib/hub.h"
#include "tests/lib/rest_case.h"

/* ---- a command through each face -------------------------------------------------------------------------- */

/* The answer to a command through REST; `key` NULL: one that creates. */
static const char *through_rest(struct rest_case *rest, const struct http_client *client,
                                const struct aq_command *command, const char *key, const char *body)
{
    char path[200];
    const char *verb = aq_command_goes_by_verb(command) ? command->verb : "";
    if (command->kind == AQ_CREATES)
        snprintf(path, sizeof path, "/api/v1/%s/%s", command->entity->name, verb);
    else
        snprintf(path, sizeof path, "/api/v1/%s/%s%s%s", command->entity->name, key, *verb ? "/" : "", verb);
    http_ask(client, &rest->reply, command->kind == AQ_DELETES ? "DELETE" : "POST", body, path);
    return rest_message(rest);
}

/* The answer to a packed record through the hub. */
static void through_hub(struct rest_case *rest, const char *author, const struct aq_command *command,
                        const char *packed, size_t length, char message[AQ_ERROR_MESSAGE_SIZE])
{
    struct test_asker asker;
    char url[200];
    struct aq_order order = {
        .author = author, .command = command->code, .record = {(const unsigned char *)packed, length}};
    snprintf(url, sizeof url, "ipc://%s/" AQ_FILE_LOCAL_SOCKET, rest->cluster.directory);
    asker_open(&asker, url);
    asker_expect(&asker, AQ_MSG_ORDER, &order, AQ_MSG_OUTCOME);
    snprintf(message, AQ_ERROR_MESSAGE_SIZE, "%s", ((const struct aq_outcome *)asker.message)->message);
    asker_close(&asker);
}

/* The answer to what is written into the command's file. */
static void through_files(struct rest_case *rest, const char *author, const struct aq_command *command, const char *key,
                          const char *text, char message[AQ_ERROR_MESSAGE_SIZE])
{
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    if (control_read(command, key, NULL, text, strlen(text), &packed, &error) == 0)
        through_hub(rest, author, command, packed.data, packed.length, message);
    else
        snprintf(message, AQ_ERROR_MESSAGE_SIZE, "%s", error.message);
    aq_buffer_free(&packed);
}

/* ---- the same words --------------------------------------------------------------------------------------- */

static void a_wrong_command_is_refused_in_the_same_words(void **context)
{
    static const struct {
        const char *command, *key, *body;
    } cases[] = {
        {"label_create", NULL, "{\"nam\":\"x\"}"},
        {"label_create", NULL, "{\"name\":\"x\"}"},
        {"label_create", NULL, "[[]]"},
        {"label_create", NULL, "{"},
        {"label_create", NULL, "{\"name\":\"x\",\"driver\":\"a\",\"definitions\":[]}"},
        {"label_create", NULL,
         "{\"name\":\"x\",\"definitions\":[{\"driver\":\"process\",\"options\":{\"comand\":1}}]}"},
        {"label_create", NULL, "{\"name\":\"12\",\"definitions\":[{\"driver\":\"test\"}]}"},
        {"label_apply", NULL, "{\"name\":\"x\"}"},
        {"label_delete", "1", "{\"id\":2}"},
        {"label_delete", "1", "{\"id\":\"02\"}"},
        {"label_delete", "1", "{\"id\":\"x\"}"},
        {"label_delete", "1", "[]"},
        {"label_delete", "9", "{}"},
        {"label_delete", "9", "{\"id\":\"009\"}"},
        {"user_create", NULL, "{\"name\":\"x\",\"hash\":\"y\"}"},
        {"user_create", NULL, "{\"name\":\"a b\"}"},
        {"user_update", "ann", "{\"name\":\"bob\",\"role\":\"user\",\"max_applications\":1}"},
        {"user_update", "ann", "{\"role\":\"king\",\"max_applications\":1}"},
        {"user_update", "ann", "{\"role\":\"user\",\"max_applications\":-1}"},
        {"user_delete", "nobody", "{}"},
        {"node_maintenance", "n1", "{\"maintenance\":\"maybe\"}"},
        {"node_maintenance", "n1", "{\"maintenance\":true}"},
        {"application_create", NULL, "{\"label\":3}"},
        {"application_create", NULL, "{\"label\":\"none\"}"},
        {"application_create", NULL, "{\"label\":\"none:2\"}"},
        {"application_create", NULL, "{\"label\":\"a:b\"}"},
        {"application_deallocate", "7", "{\"id\":[7]}"},
        {"application_deallocate", "7", "{\"force\":1}"},
        {"application_deallocate", "7", "{}"},
    };
    struct rest_case *rest = *context;
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        const struct aq_command *command = aq_command_named(cases[i].command);
        char message[AQ_ERROR_MESSAGE_SIZE];
        const char *key = cases[i].key != NULL ? cases[i].key : "";
        through_files(rest, "admin", command, key, cases[i].body, message);
        const char *answer = through_rest(rest, &rest->admin, command, key, cases[i].body);
        /* REST says which item of an array is meant; a file takes no array. */
        if (strncmp(answer, "item 1: ", 8) == 0)
            answer += 8;
        assert_true(rest->reply.status >= 400);
        assert_string_not_equal(message, "");
        assert_string_equal(answer, message);
    }
}

/* From the registry: whatever command there is. */
static void a_user_is_refused_in_the_same_words(void **context)
{
    struct rest_case *rest = *context;
    const struct aq_command *command;
    unsigned refused = 0;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        char message[AQ_ERROR_MESSAGE_SIZE];
        if (command->kind == AQ_INTERNAL_COMMAND || test_role_permits(AQ_ROLE_USER, command))
            continue;
        const bool is_named = aq_entity_key(command->entity)->type == AQ_TYPE_NAME;
        through_hub(rest, "ann", command, "\x90", 1, message);
        assert_string_equal(through_rest(rest, &rest->user, command, is_named ? "x" : "1", "{}"), message);
        assert_int_equal(rest->reply.status, 403);
        assert_memory_equal(message, "ann may not ", 12);
        refused++;
    }
    assert_true(refused >= 7);
}

/* A command on a row that its caller may not read is answered as a read of it, and as a command on
 * none. */
static void what_may_not_be_read_is_not_there(void **context)
{
    static const struct {
        const char *command, *key, *body, *text; /* REST takes the body, a file the text */
    } cases[] = {
        {"application_deallocate", "1", "{}", "1"},
        {"application_extend", "1", "{\"by\":\"1h\"}", "by=1h"},
        {"user_token", "admin", "{}", "1"},
        {"token_delete", "1", "{}", "1"},
        {"task_cancel", "1", "{}", "1"},
    };
    struct rest_case *rest = *context;
    unsigned commands = 0;
    rest_make_applications(rest, 1);
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        const struct aq_command *command = aq_command_named(cases[i].command);
        const char *entity = command->entity->name, *key = cases[i].key;
        char message[AQ_ERROR_MESSAGE_SIZE], path[100], absent[100];
        snprintf(absent, sizeof absent, "there is no %s %s", entity, key);
        snprintf(path, sizeof path, "/api/v1/%s/%s", entity, key);
        rest_ask_as(rest, &rest->user, "GET", path, NULL, 404);
        assert_string_equal(rest_message(rest), absent);
        assert_string_equal(through_rest(rest, &rest->user, command, key, cases[i].body), absent);
        assert_int_equal(rest->reply.status, 404);
        through_files(rest, "ann", command, key, cases[i].text, message);
        assert_string_equal(message, absent);
    }
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        commands += test_role_permits(AQ_ROLE_USER, command) && command->kind != AQ_CREATES &&
                    command->for_view == NULL && aq_access_owner_field(command->entity) != NULL;
    assert_int_equal(commands, AQ_LENGTH(cases)); /* a new one belongs into the list */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(a_wrong_command_is_refused_in_the_same_words),
        REST_TEST(a_user_is_refused_in_the_same_words),
        REST_TEST(what_may_not_be_read_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
