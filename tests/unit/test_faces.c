/* The faces refuse in the same words: REST, and the file view with the hub behind it. */
#include "fs/tree/control.h"
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

static struct aq_wire_key local_key(struct rest_case *rest)
{
    struct aq_wire_key key;
    struct aq_error error = {0};
    char path[200];
    snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_KEY, rest->cluster.directory);
    test_must(aq_wire_key_load(&key, path, &error), &error);
    return key;
}

/* The answer to a packed record through the hub. */
static void through_hub(struct rest_case *rest, const char *author, const struct aq_command *command,
                        const char *packed, size_t length, char message[AQ_ERROR_MESSAGE_SIZE])
{
    struct test_asker asker;
    char url[200];
    const struct aq_wire_key key = local_key(rest);
    struct aq_order order = {
        .author = author, .command = command->code, .record = {(const unsigned char *)packed, length}};
    snprintf(url, sizeof url, "ipc://%s/" AQ_FILE_LOCAL_SOCKET, rest->cluster.directory);
    asker_open(&asker, url, &key);
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
    if (control_read(command, key, text, strlen(text), &packed, &error) == 0)
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
        if (command->kind == AQ_INTERNAL_COMMAND || command->role == AQ_ROLE_USER)
            continue;
        const bool is_named = aq_entity_key(command->entity)->type == AQ_TYPE_NAME;
        through_hub(rest, "ann", command, "\x90", 1, message);
        assert_string_equal(through_rest(rest, &rest->user, command, is_named ? "x" : "1", "{}"), message);
        assert_int_equal(rest->reply.status, 403);
        assert_non_null(strstr(message, "only admins may "));
        refused++;
    }
    assert_true(refused >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(a_wrong_command_is_refused_in_the_same_words),
        REST_TEST(a_user_is_refused_in_the_same_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
