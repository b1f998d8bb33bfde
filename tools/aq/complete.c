#include "tools/aq/complete.h"

#include "schema/codec/command.h"
#include "schema/model/application.h"
#include "tools/aq/help.h"
#include "tools/aq/show.h"

#include <string.h>

enum { KEYS_MAX = 200, KEYS_TIMEOUT_S = 1 };

struct completion {
    const char *begun;
    struct aq_buffer *out;
};

static void offer(struct completion *completion, const char *word, const char *end)
{
    struct aq_buffer whole = {0};
    aq_buffer_format(&whole, "%s%s", word, end);
    if (strncmp(aq_buffer_string(&whole), completion->begun, strlen(completion->begun)) == 0)
        aq_buffer_format(completion->out, "%s\n", aq_buffer_string(&whole));
    aq_buffer_free(&whole);
}

static void offer_flags(struct completion *completion, const struct aq_entity *entity)
{
    char spelled[64];
    for (size_t i = 0; i < cli_flags_record.count; i++)
        offer(completion, cli_flag_spelling(&cli_flags_record.fields[i], spelled),
              cli_flags_record.fields[i].type == AQ_TYPE_BOOL ? "" : "=");
    for (size_t i = 0; entity != NULL && i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        if ((field->rules & AQ_SECRET) || aq_record_field(&cli_flags_record, field->name) != NULL)
            continue;
        snprintf(spelled, sizeof spelled, "--%.60s", field->name);
        offer(completion, spelled, "=");
    }
}

static void offer_nouns(struct completion *completion)
{
    const struct aq_entity *entity;
    const struct cli_topic *topic;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        offer(completion, entity->plural, "");
        if (completion->begun[0] != '\0')
            offer(completion, entity->name, "");
    }
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++)
        if (topic->help != NULL)
            offer(completion, topic->name, "");
}

static void offer_verbs(struct completion *completion, const struct aq_entity *entity, bool for_one)
{
    const struct aq_command *command;
    const struct aq_view *view;
    for (size_t i = 0; !for_one && cli_read_verbs[i] != NULL; i++)
        offer(completion, cli_read_verbs[i], "");
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity) && !(for_one && command->kind == AQ_CREATES))
            offer(completion, command->verb, "");
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            offer(completion, view->name, "");
}

/* Keys of the newest rows. */
static void offer_keys(struct cli *cli, struct completion *completion, const struct aq_entity *entity)
{
    struct cli_reply reply;
    struct aq_buffer path = {0}, key = {0};
    size_t index;
    json_t *row;
    if (cli->client == NULL)
        return;
    aq_buffer_format(&path, "/api/v1/%s/?reverse=true&limit=%d", entity->name, KEYS_MAX);
    struct cli_request request = {
        .method = "GET", .path = aq_buffer_string(&path), .once = true, .timeout_s = KEYS_TIMEOUT_S};
    if (cli_client_ask(cli->client, &request, &reply) == CLI_DONE)
        json_array_foreach (reply.data, index, row) {
            aq_buffer_reset(&key);
            cli_row_key(entity->record, row, &key);
            const char *group = entity->group ? json_string_value(json_object_get(row, entity->group)) : NULL;
            offer(completion, group ? group : aq_buffer_string(&key), "");
        }
    cli_reply_close(&reply);
    aq_buffer_free(&path);
    aq_buffer_free(&key);
}

static void offer_fields(struct cli *cli, struct completion *completion, const struct aq_command *command)
{
    const char *equals = strchr(completion->begun, '=');
    for (size_t i = 0; i < command->record->count; i++) {
        const struct aq_field *field = &command->record->fields[i];
        if (!aq_command_takes_field(command, field))
            continue;
        if (equals == NULL)
            offer(completion, field->name, "=");
        for (uint32_t w = 0; equals != NULL && field->words != NULL && w < field->words->count; w++) {
            char whole[160];
            snprintf(whole, sizeof whole, "%s=%s", field->name, field->words->words[w]);
            offer(completion, whole, "");
        }
    }
    const struct aq_entity *named = command->value ? aq_entity_find(command->value) : NULL;
    if (named != NULL && equals == NULL) /* a word alone may be the key of another entity: a label's name */
        offer_keys(cli, completion, named);
}

/* After a noun. `words` are those between the noun and the one being typed. */
static void complete_entity(struct cli *cli, struct completion *completion, const struct aq_entity *entity,
                            const char *const *words, unsigned count)
{
    const struct aq_command *command = count > 0 ? aq_command_of(entity, words[0]) : NULL;
    bool reads_list = count > 0 && (strcmp(words[0], "list") == 0 || strcmp(words[0], "watch") == 0);
    if (count == 0) {
        offer_verbs(completion, entity, false);
        offer_keys(cli, completion, entity);
    } else if (command != NULL && cli_command_is_verb(command, entity)) {
        if (command->kind != AQ_CREATES)
            offer_keys(cli, completion, entity);
        if (command->kind != AQ_DELETES)
            offer_fields(cli, completion, command);
    } else if (strcmp(words[0], "get") == 0 || cli_view_find(entity, words[0]) != NULL) {
        offer_keys(cli, completion, entity);
    } else if (!reads_list && count == 1) {
        offer_verbs(completion, entity, true);
    }
}

void cli_complete(struct cli *cli, const char *const *words, unsigned count, struct aq_buffer *out)
{
    struct completion completion = {.begun = count > 0 ? words[count - 1] : "", .out = out};
    const char *plain[CLI_WORDS_MAX];
    unsigned plain_count = 0;
    for (unsigned i = 0; i + 1 < count; i++)
        if (words[i][0] != '-')
            plain[plain_count++] = words[i];
    const struct aq_entity *entity = plain_count > 0 ? aq_entity_find(plain[0]) : NULL;
    if (completion.begun[0] == '-') {
        offer_flags(&completion, entity);
    } else if (plain_count == 0) {
        offer_nouns(&completion);
    } else if (entity != NULL) {
        complete_entity(cli, &completion, entity, plain + 1, plain_count - 1);
    } else if (strcmp(plain[0], "log") == 0 && plain_count == 1) {
        offer(&completion, "tail", "");
        offer(&completion, "show", "");
        offer(&completion, "verify", "");
    } else if (strcmp(plain[0], "run") == 0) {
        offer_fields(cli, &completion, &aq_command_application_create);
    }
}
