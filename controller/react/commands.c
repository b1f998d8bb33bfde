#include "controller/react/commands.h"

#include <stdlib.h>
#include <string.h>

/* With the lock, or when nobody else has the commands. */
static void release(struct react_command *item)
{
    free(item->text);
    aq_arena_free(&item->arena);
    aq_buffer_free(&item->request.warnings);
    item->text = NULL;
    item->busy = false;
}

/* On the writer's thread. */
static void command_done(struct writer_request *request)
{
    struct react_command *item = request->context;
    struct react_commands *commands = item->commands;
    enum aq_error_code code = request->error.code;
    pthread_mutex_lock(&commands->lock); /* held to the end: when none is under way, react_close() may follow */
    release(item);
    commands->refused |= code != AQ_OK && code != AQ_E_NOT_FOUND;
    if (--commands->under_way == 0)
        commands->wake(commands->context);
    pthread_mutex_unlock(&commands->lock);
}

static struct react_command *take_free(struct react_commands *commands)
{
    struct react_command *found = NULL;
    pthread_mutex_lock(&commands->lock);
    for (size_t i = 0; i < REACT_COMMANDS_MAX && found == NULL; i++)
        if (!commands->items[i].busy)
            found = &commands->items[i];
    if (found != NULL) {
        found->busy = true;
        found->commands = commands;
        commands->under_way++;
    }
    pthread_mutex_unlock(&commands->lock);
    return found;
}

static bool submit_record(struct react_command *item, const struct aq_command *command, const void *record)
{
    struct react_commands *commands = item->commands;
    struct aq_error error = {0};
    item->records[0] = record;
    item->request = (struct writer_request){.command = command,
                                            .records = item->records,
                                            .count = 1,
                                            .caller = aq_caller_internal("aquarium"),
                                            .done = command_done,
                                            .context = item};
    if (writer_submit(commands->writer, &item->request, &error) == 0)
        return true;
    commands->not_taken++;
    pthread_mutex_lock(&commands->lock);
    release(item);
    commands->under_way--;
    commands->refused = true;
    pthread_mutex_unlock(&commands->lock);
    return false;
}

/* Its record is filled. */
static bool submit(struct react_command *item, const struct aq_command *command)
{
    return submit_record(item, command, &item->record);
}

bool react_commands_send(struct react_commands *commands, const struct aq_command *command, uint64_t id)
{
    struct react_command *item = take_free(commands);
    if (item == NULL)
        return false;
    if (command == &aq_command_application_place)
        item->record.place = (struct aq_application_place){.id = id};
    else if (command == &aq_command_token_expire)
        item->record.expire_token = (struct aq_token_expire){.id = id};
    else if (command == &aq_command_task_expire)
        item->record.expire_task = (struct aq_task_expire){.id = id};
    else
        item->record.expire = (struct aq_resource_expire){.id = id};
    return submit(item, command);
}

bool react_commands_send_removal(struct react_commands *commands, uint64_t first, const char *applications)
{
    struct react_command *item = take_free(commands);
    if (item == NULL)
        return false;
    item->text = aq_strdup(applications);
    item->record.remove = (struct aq_application_remove){.id = first, .applications = item->text};
    return submit(item, &aq_command_application_remove);
}

bool react_commands_send_copy(struct react_commands *commands, const struct aq_command *command, const void *record)
{
    struct react_command *item = take_free(commands);
    if (item == NULL)
        return false;
    void *copy = aq_arena_alloc(&item->arena, command->record->size);
    aq_record_copy(command->record, copy, record, &item->arena);
    return submit_record(item, command, copy);
}

unsigned react_commands_under_way(struct react_commands *commands, bool *refused)
{
    pthread_mutex_lock(&commands->lock);
    unsigned count = commands->under_way;
    *refused = commands->refused;
    commands->refused = false;
    pthread_mutex_unlock(&commands->lock);
    return count;
}

bool react_commands_are_answered(struct react_commands *commands)
{
    pthread_mutex_lock(&commands->lock);
    bool answered = commands->under_way == 0;
    pthread_mutex_unlock(&commands->lock);
    return answered;
}

void react_commands_open(struct react_commands *commands, struct writer *writer, void (*wake)(void *context),
                         void *context)
{
    commands->writer = writer;
    commands->wake = wake;
    commands->context = context;
    pthread_mutex_init(&commands->lock, NULL);
}

void react_commands_close(struct react_commands *commands)
{
    for (size_t i = 0; i < REACT_COMMANDS_MAX; i++)
        if (commands->items[i].busy)
            release(&commands->items[i]);
    pthread_mutex_destroy(&commands->lock);
}
