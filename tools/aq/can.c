#include "tools/aq/can.h"

#include "schema/model/permission.h"
#include "schema/model/user.h"
#include "tools/aq/show.h"

#include <stdio.h>
#include <string.h>

#define IN " in " /* before the project in which something is permitted */

static void print_line(const char *text)
{
    cli_print(text, strlen(text));
    cli_print("\n", 1);
}

static void list(const json_t *rights, const struct cli_flags *flags)
{
    size_t index;
    json_t *row;
    if (cli_wants_data(flags)) {
        cli_show_data(rights, flags);
        return;
    }
    json_array_foreach ((json_t *)(uintptr_t)rights, index, row)
        if (json_is_string(row))
            print_line(json_string_value(row));
}

static bool has(const json_t *rights, const char *wanted)
{
    size_t index;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)rights, index, row)
        if (json_is_string(row) && strcmp(json_string_value(row), wanted) == 0)
            return true;
    return false;
}

/* The projects in which it is permitted, of rows such as "label.create in web". */
static json_t *list_projects(const json_t *rights, const char *wanted)
{
    const size_t length = strlen(wanted);
    json_t *projects = json_array(), *row;
    size_t index;
    json_array_foreach ((json_t *)(uintptr_t)rights, index, row) {
        const char *text = json_string_value(row);
        if (text != NULL && strncmp(text, wanted, length) == 0 && strncmp(text + length, IN, strlen(IN)) == 0)
            json_array_append_new(projects, json_string(text + length + strlen(IN)));
    }
    return projects;
}

/* "; in project web, db" */
static void add_projects(struct aq_buffer *out, const char *what, const json_t *projects)
{
    size_t index;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)projects, index, row)
        aq_buffer_format(out, "%s%s", index > 0 ? ", " : what, json_string_value(row));
}

static void print_answer(const json_t *data)
{
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    const char *rows = json_string_value(json_object_get(data, "rows"));
    aq_buffer_text(&line, json_is_true(json_object_get(data, "may")) ? "yes" : "no");
    if (strcmp(rows, "own") == 0)
        aq_buffer_text(&line, ", with rows of its own");
    add_projects(&line, ", in project ", json_object_get(data, "projects"));
    add_projects(&line, ", with rows of its own in project ", json_object_get(data, "own_in"));
    print_line(aq_buffer_string(&line));
}

static enum cli_exit answer(const json_t *rights, const char *permission, const struct cli_flags *flags)
{
    char own[AQ_PATTERN_MAX + 8];
    snprintf(own, sizeof own, "%s:own", permission);
    const bool all = has(rights, permission), mine = has(rights, own);
    json_t *in_all = list_projects(rights, permission), *in_own = list_projects(rights, own);
    const bool may = all || mine || json_array_size(in_all) + json_array_size(in_own) > 0;
    json_t *data = json_pack("{s:s, s:b, s:s, s:o, s:o}", "permission", permission, "may", may, "rows",
                             all    ? "all"
                             : mine ? "own"
                                    : "none",
                             "projects", in_all, "own_in", in_own);
    if (cli_wants_data(flags))
        cli_show_data(data, flags);
    else
        print_answer(data);
    json_decref(data);
    return may ? CLI_DONE : CLI_FAILED;
}

/* `path` answers with a list of permissions. */
static enum cli_exit ask(struct cli *cli, const char *path, const char *permission)
{
    struct cli_reply reply;
    enum cli_exit code = cli_client_get(cli->client, &reply, "%s", path);
    if (code != CLI_DONE)
        (void)cli_reply_fail(&reply);
    else if (permission == NULL)
        list(reply.data, &cli->options.flags);
    else
        code = answer(reply.data, permission, &cli->options.flags);
    cli_reply_close(&reply);
    return code;
}

enum cli_exit cli_show_rights(struct cli *cli, const char *entity, const char *key)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    aq_buffer_format(&path, "/api/v1/%s/", entity);
    cli_url_escape(key, &path);
    aq_buffer_text(&path, "/can");
    return ask(cli, aq_buffer_string(&path), NULL);
}

enum cli_exit cli_can(struct cli *cli, const char *const *words, unsigned count)
{
    static const char in_project[] = "project=";
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    const char *rest[2] = {NULL, NULL}, *project = NULL;
    unsigned given = count;
    count = 0;
    for (unsigned i = 0; i < given; i++) {
        if (strncmp(words[i], in_project, strlen(in_project)) == 0)
            project = words[i] + strlen(in_project);
        else if (count < AQ_LENGTH(rest))
            rest[count++] = words[i];
        else
            return cli_fail(CLI_USAGE, "can takes a user and a permission, but there is \"%.64s\"", words[i]);
    }
    const char *last = count > 0 ? rest[count - 1] : NULL;
    bool asks = last != NULL && aq_permission_named(last) != NULL;
    if (count == 2 && !asks)
        return cli_fail(CLI_USAGE, "there is no permission \"%.64s\"; `aq can` without one lists them", last);
    const char *user = count == 2 || (count == 1 && !asks) ? rest[0] : NULL;
    aq_buffer_text(&path, user == NULL ? "/api/v1/me" : "/api/v1/user/");
    if (user != NULL)
        cli_url_escape(user, &path);
    aq_buffer_text(&path, "/can");
    if (project != NULL) {
        aq_buffer_text(&path, "?project=");
        cli_url_escape(project, &path);
    }
    return ask(cli, aq_buffer_string(&path), asks ? last : NULL);
}
