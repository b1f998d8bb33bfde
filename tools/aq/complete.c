#include "tools/aq/complete.h"

#include "schema/codec/command.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "tools/aq/action.h"
#include "tools/aq/cell.h"
#include "tools/aq/order.h"
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

static void offer_words(struct completion *completion, const char *before, const struct aq_words *words)
{
    for (uint32_t w = 0; words != NULL && w < words->count; w++) {
        char whole[160];
        snprintf(whole, sizeof whole, "%s=%s", before, words->words[w]);
        offer(completion, whole, "");
    }
}

/* What a flag's value can be, where it is one of few. */
static void offer_values(struct completion *completion, const char *flag, const struct aq_field *field,
                         const struct cli_action *action)
{
    char whole[160];
    offer_words(completion, flag, field->words);
    if (strcmp(flag, "--for") == 0)
        offer_words(completion, flag, &aq_application_status_words);
    for (size_t i = 0; strcmp(flag, "--sort") == 0 && action != NULL && i < action->entity->record->count; i++)
        if (cli_order_is_possible(&action->entity->record->fields[i])) {
            snprintf(whole, sizeof whole, "%s=%s", flag, action->entity->record->fields[i].name);
            offer(completion, whole, "");
        }
}

/* The flags that the line's verb takes, or the words of one. */
static void offer_flags(struct completion *completion, const struct cli_action *action)
{
    char spelled[64];
    bool has_value = strchr(completion->begun, '=') != NULL;
    uint64_t taken = action != NULL ? cli_action_flags(action) : CLI_COMMON_FLAGS;
    const struct aq_entity *filtered = action != NULL ? cli_action_filters(action) : NULL;
    for (size_t i = 0; i < cli_flags_record.count; i++) {
        const struct aq_field *field = &cli_flags_record.fields[i];
        cli_flag_spelling(field, spelled);
        if (cli_flag_is_taken(taken, field) && has_value)
            offer_values(completion, spelled, field, action);
        else if (cli_flag_is_taken(taken, field))
            offer(completion, spelled, field->type == AQ_TYPE_BOOL ? "" : "=");
    }
    for (size_t i = 0; filtered != NULL && i < filtered->record->count; i++) {
        const struct aq_field *field = &filtered->record->fields[i];
        if ((field->rules & AQ_SECRET) || aq_record_field(&cli_flags_record, field->name) != NULL)
            continue;
        snprintf(spelled, sizeof spelled, "--%.60s", field->name);
        if (has_value)
            offer_words(completion, spelled, field->words);
        else
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
        offer(completion, topic->name, "");
}

/* `for_one`: a key is there already. */
static void offer_verbs(struct completion *completion, const struct aq_entity *entity, bool for_one)
{
    const struct aq_command *command;
    const struct aq_view *view;
    const struct cli_verb *verb;
    for (size_t i = 0; (verb = cli_verb_at(entity, &i)) != NULL;)
        if (!for_one || strcmp(verb->name, "list") != 0)
            offer(completion, verb->name, "");
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity) && !(for_one && command->kind == AQ_CREATES))
            offer(completion, command->verb, "");
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            offer(completion, view->name, "");
    for (size_t i = 0; for_one && i < entity->record->count; i++)
        if (!(entity->record->fields[i].rules & AQ_SECRET))
            offer(completion, entity->record->fields[i].name, "");
}

/* Of the rows that the action can do something with, as a query. */
static const char *query_of(const struct cli_action *action)
{
    static const char open[] = "&status=NEW,ELECTED,ALLOCATED,DEALLOCATE";
    if (action->form == CLI_TOPIC && strcmp(action->topic->name, "wait") == 0)
        return open;
    if (action->form != CLI_WRITE)
        return "";
    if (action->entity == &aq_entity_application)
        return open;
    return action->entity == &aq_entity_node && action->command->kind == AQ_DELETES ? "&status=LOST" : "";
}

/* Keys of the newest rows, but those that are on the line already. */
static void offer_keys(struct cli *cli, struct completion *completion, const struct aq_entity *entity,
                       const char *query, const struct cli_action *action)
{
    struct cli_reply reply;
    struct aq_buffer path = {0}, key = {0}, pair = {0};
    size_t index;
    json_t *row;
    if (cli->client == NULL)
        return;
    aq_buffer_format(&path, "/api/v1/%s/?reverse=true&limit=%d%s", entity->name, KEYS_MAX, query);
    struct cli_request request = {
        .method = "GET", .path = aq_buffer_string(&path), .once = true, .timeout_s = KEYS_TIMEOUT_S};
    if (cli_client_ask(cli->client, &request, &reply) == CLI_DONE)
        json_array_foreach (reply.data, index, row) {
            aq_buffer_reset(&key);
            cli_row_key(entity->record, row, &key);
            const char *group = entity->group ? json_string_value(json_object_get(row, entity->group)) : NULL;
            aq_buffer_reset(&pair);
            const char *word = group                              ? group
                               : cli_row_pair(entity, row, &pair) ? aq_buffer_string(&pair)
                                                                  : aq_buffer_string(&key);
            bool there = false;
            for (unsigned i = 0; action != NULL && i < action->count; i++)
                there = there || strcmp(action->words[i], word) == 0;
            if (!there)
                offer(completion, word, "");
        }
    cli_reply_close(&reply);
    aq_buffer_free(&path);
    aq_buffer_free(&key);
    aq_buffer_free(&pair);
}

/* role=<TAB>: the roles that there are. */
static void offer_references(struct cli *cli, struct completion *completion, const struct aq_field *field)
{
    AQ_CLEANUP_BUFFER struct aq_buffer found = {0};
    char whole[160];
    const size_t length = strlen(field->name);
    if (strncmp(completion->begun, field->name, length) != 0 || completion->begun[length] != '=')
        return;
    struct completion inner = {.begun = completion->begun + length + 1, .out = &found};
    offer_keys(cli, &inner, field->refers, "", NULL);
    for (const char *at = aq_buffer_string(&found); *at != '\0'; at += strcspn(at, "\n") + 1) {
        snprintf(whole, sizeof whole, "%s=%.*s", field->name, (int)strcspn(at, "\n"), at);
        offer(completion, whole, "");
    }
}

static void offer_fields(struct cli *cli, struct completion *completion, const struct aq_command *command,
                         unsigned words)
{
    const char *equals = strchr(completion->begun, '=');
    for (size_t i = 0; i < command->record->count; i++) {
        const struct aq_field *field = &command->record->fields[i];
        if (!aq_command_takes_field(command, field))
            continue;
        if (equals == NULL)
            offer(completion, field->name, "=");
        else if (field->refers != NULL)
            offer_references(cli, completion, field);
        else
            offer_words(completion, field->name, field->words);
    }
    const struct aq_entity *named = command->value ? aq_entity_find(command->value) : NULL;
    if (named != NULL && equals == NULL &&
        words == 0) /* a word alone may be the key of another entity: a label's name */
        offer_keys(cli, completion, named, "", NULL);
}

static void offer_filters(struct completion *completion, const struct aq_entity *entity)
{
    bool has_value = strchr(completion->begun, '=') != NULL;
    for (size_t i = 0; i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        if (has_value)
            offer_words(completion, field->name, field->words);
        else if (!(field->rules & AQ_SECRET))
            offer(completion, field->name, "=");
    }
}

static void offer_contexts(struct completion *completion, const char *before)
{
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    struct aq_error unused;
    char whole[160];
    if (cli_contexts_list(&names, &unused) != 0)
        return;
    for (const char *at = aq_buffer_string(&names); *at != '\0'; at += strcspn(at, "\n") + 1) {
        snprintf(whole, sizeof whole, "%s%.*s", before, (int)strcspn(at, "\n"), at);
        offer(completion, whole, "");
    }
}

static void complete_topic(struct cli *cli, struct completion *completion, const struct cli_action *action)
{
    const struct aq_entity *entity;
    if (action->topic->keys != NULL)
        offer_keys(cli, completion, action->topic->keys, query_of(action), action);
    if (strcmp(action->topic->name, "run") == 0)
        offer_fields(cli, completion, &aq_command_application_create, action->count);
    if (action->parent != NULL && strcmp(action->parent->name, "context") == 0 && action->count == 0 &&
        strcmp(action->topic->name, "list") != 0 && strcmp(action->topic->name, "create") != 0)
        offer_contexts(completion, "");
    bool takes_entity = strcmp(action->topic->name, "events") == 0 && action->count == 0;
    for (size_t i = 0; takes_entity && (entity = aq_entity_at(i)) != NULL; i++)
        offer(completion, entity->plural, "");
    if (action->topic->run == NULL && action->count == 0) /* help */
        offer_nouns(completion);
}

/* What may follow the verb. */
static void complete_action(struct cli *cli, struct completion *completion, const struct cli_action *action)
{
    switch (action->form) {
    case CLI_TOPIC:
        complete_topic(cli, completion, action);
        break;
    case CLI_LIST:
        offer_filters(completion, action->entity);
        break;
    case CLI_WRITE:
        if (action->command->kind != AQ_CREATES)
            offer_keys(cli, completion, action->entity, query_of(action), action);
        if (action->command->kind != AQ_DELETES)
            offer_fields(cli, completion, action->command, action->count);
        break;
    case CLI_VIEW:
    case CLI_EDIT:
        if (action->count == 0)
            offer_keys(cli, completion, action->entity, "", action);
        break;
    case CLI_GET:
    case CLI_DESCRIBE:
        offer_keys(cli, completion, action->entity != NULL ? action->entity : &aq_entity_application, "", action);
        break;
    case CLI_FIELD:
        break;
    }
}

/* ---- a line --------------------------------------------------------------------------------------------- */

/* aq get <TAB>: the nouns that have the verb. */
static void offer_nouns_with(struct completion *completion, const char *verb)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        if (cli_entity_has_verb(entity, verb))
            offer(completion, entity->name, "");
}

/* After the words of `options`. */
static void complete_word(struct cli *cli, struct completion *completion, struct cli_options *options)
{
    const char *const *plain = options->words;
    const unsigned count = options->word_count;
    const struct aq_entity *entity = count > 0 ? aq_entity_find(plain[0]) : NULL;
    const struct cli_topic *topic = count == 1 ? cli_topic_find(plain[0]) : NULL;
    struct aq_error unused;
    struct cli_action action;
    bool known = count > 0 && cli_action_find(&action, plain, count, &options->arena, &unused) == 0;
    if (strncmp(completion->begun, "--context=", 10) == 0)
        offer_contexts(completion, "--context=");
    else if (completion->begun[0] == '-')
        offer_flags(completion, known ? &action : NULL);
    else if (count == 0)
        offer_nouns(completion);
    else if (topic != NULL && topic->verbs != NULL)
        for (const struct cli_topic *verb = topic->verbs; verb->name != NULL; verb++)
            offer(completion, verb->name, "");
    else if (entity != NULL && count == 1) {
        offer_verbs(completion, entity, false);
        offer_keys(cli, completion, entity, "", NULL);
    } else if (entity != NULL && known && action.guessed)
        offer_verbs(completion, entity, true);
    else if (known)
        complete_action(cli, completion, &action);
    else if (count == 1)
        offer_nouns_with(completion, plain[0]);
}

/* --output <TAB>: the words of a flag whose value is a word of its own. */
static void complete_value(struct cli *cli, struct completion *completion, struct cli_options *options,
                           const char *flag)
{
    AQ_CLEANUP_BUFFER struct aq_buffer joined = {0}, found = {0};
    struct completion inner = {.out = &found};
    aq_buffer_format(&joined, "%s=%s", strcmp(flag, "-o") == 0 ? "--output" : flag, completion->begun);
    inner.begun = aq_buffer_string(&joined);
    complete_word(cli, &inner, options);
    for (const char *line = aq_buffer_string(&found); *line != '\0'; line += strcspn(line, "\n") + 1) {
        const char *value = line + strcspn(line, "=") + 1;
        aq_buffer_format(completion->out, "%.*s\n", (int)strcspn(value, "\n"), value);
    }
}

void cli_complete(struct cli *cli, const char *const *words, unsigned count, struct aq_buffer *out)
{
    struct completion completion = {.begun = count > 0 ? words[count - 1] : "", .out = out};
    struct cli_options options;
    struct aq_error unused;
    char *argv[CLI_WORDS_MAX + 2] = {"aq"};
    int argc = 1;
    for (unsigned i = 0; i + 1 < count; i++)
        argv[argc++] = (char *)(uintptr_t)words[i];
    const char *last = argc > 1 ? argv[argc - 1] : "";
    if (cli_options_parse(&options, argc, argv, &unused) == 0) {
        complete_word(cli, &completion, &options);
    } else if (last[0] == '-') { /* it lacks its value */
        cli_options_close(&options);
        if (cli_options_parse(&options, argc - 1, argv, &unused) == 0)
            complete_value(cli, &completion, &options, last);
    }
    cli_options_close(&options);
}
