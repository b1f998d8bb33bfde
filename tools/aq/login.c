#include "tools/aq/login.h"

#include "schema/base/utf8.h"
#include "tools/aq/prompt.h"

#include <event2/http.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 8001 };

struct login {
    struct cli_flags flags;         /* with the address, and without a context: that is the one to be made */
    struct aq_buffer address;       /* as aq takes it */
    char name[AQ_NAME_MAX + 1];     /* of the context */
    struct aq_buffer path;          /* its file */
    struct cli_context kept;        /* what is in it already */
    bool is_kept;                   /* it is there */
    struct aq_arena arena;          /* of `kept` */
    char seen[AQ_FINGERPRINT_SIZE]; /* the fingerprint that somebody has compared here */
    struct cli_client *client;
};

/* ---- the address, and the name of its context ------------------------------------------------------------- */

/* "10.0.0.1" is https://10.0.0.1:8001. */
static void read_address(const char *word, struct aq_buffer *out)
{
    if (strstr(word, "://") != NULL || strncmp(word, "unix:", 5) == 0) {
        aq_buffer_text(out, word);
        return;
    }
    size_t host = strcspn(word, "/");
    const char *bracket = strchr(word, ']'), *colon = strchr(bracket != NULL ? bracket : word, ':');
    bool has_port = colon != NULL && (size_t)(colon - word) < host;
    aq_buffer_format(out, "https://%.*s", (int)host, word);
    if (!has_port)
        aq_buffer_format(out, ":%d", PORT);
    aq_buffer_text(out, word + host);
}

/* The host, and the port if it is not the usual one, in characters that a name may have. */
static void name_of(const char *server, const char *host, char out[AQ_NAME_MAX + 1])
{
    struct evhttp_uri *uri = evhttp_uri_parse(server);
    int port = uri != NULL ? evhttp_uri_get_port(uri) : -1, used = 0;
    for (const char *c = host; *c != '\0' && used < AQ_NAME_MAX - 6; c++) {
        char letter = *c == ':' ? '-' : *c;
        if (aq_name_is_good(&letter, 1) || (used > 0 && letter != '\0' && strchr(".-_", letter) != NULL))
            out[used++] = letter;
    }
    out[used] = '\0';
    if (used == 0)
        used = snprintf(out, AQ_NAME_MAX + 1, "cluster");
    if (port > 0 && port != PORT)
        snprintf(out + used, (size_t)(AQ_NAME_MAX + 1 - used), "-%d", port);
    if (uri != NULL)
        evhttp_uri_free(uri);
}

static void forget_token(struct login *login)
{
    if (login->kept.token != NULL)
        sodium_memzero((char *)(uintptr_t)login->kept.token, strlen(login->kept.token));
    login->kept = (struct cli_context){0};
}

/* Without an address, one logs in again where the context in use is, or that of the flag. `name` becomes its name. */
static int take_chosen(struct login *login, const char **name, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    const char *variable = getenv("AQ_SERVER"), *chosen = cli_contexts_chosen(*name, &login->arena);
    if (login->flags.server[0] != '\0' || (variable != NULL && variable[0] != '\0') || chosen == NULL)
        return 0;
    if (cli_contexts_path(chosen, &path, error) != 0)
        return -1;
    if (access(aq_buffer_string(&path), F_OK) != 0)
        return 0;
    if (cli_contexts_read(chosen, &login->kept, &login->arena, error) != 0)
        return -1;
    aq_buffer_text(&login->address, login->kept.server);
    login->flags.server = aq_buffer_string(&login->address);
    forget_token(login);
    *name = chosen;
    return 0;
}

/* Finds the context that will be written: that of the flag, or one that is named after the host. */
static int find_context(struct login *login, const char *flag, struct aq_error *error)
{
    struct cli_connect connect;
    int status = cli_connect_to(&connect, &login->flags, NULL, NULL, error);
    if (status == 0 && flag[0] != '\0')
        snprintf(login->name, sizeof login->name, "%s", flag);
    else if (status == 0)
        name_of(connect.server, connect.is_socket ? "local" : connect.host, login->name);
    if (status == 0)
        status = cli_contexts_path(login->name, &login->path, error);
    login->is_kept = status == 0 && access(aq_buffer_string(&login->path), F_OK) == 0;
    if (login->is_kept)
        status = cli_contexts_read(login->name, &login->kept, &login->arena, error);
    if (status == 0 && login->is_kept && !cli_connect_is_same(connect.server, login->kept.server))
        status = aq_fail(error, AQ_E_EXISTS,
                         "context %s is for %.200s: give this one another name with --context, or delete that one (aq "
                         "context delete %s)",
                         login->name, login->kept.server, login->name);
    cli_connect_close(&connect);
    return status;
}

/* ---- the server ------------------------------------------------------------------------------------------- */

static int open_client(struct login *login, struct aq_error *error)
{
    struct cli_connect connect;
    cli_client_close(login->client);
    login->client = NULL;
    if (cli_connect_to(&connect, &login->flags, login->is_kept ? &login->kept : NULL, aq_buffer_string(&login->path),
                       error) == 0)
        login->client = cli_client_with(&connect, &login->flags, error);
    cli_connect_close(&connect);
    return login->client != NULL ? 0 : -1;
}

/* Does somebody who knows the right fingerprint say that this is it? */
static bool is_confirmed(const char *server, const char *fingerprint)
{
    char question[768], answer[128], typed[AQ_FINGERPRINT_SIZE];
    struct aq_error unused;
    if (!cli_prompt_is_possible())
        return false;
    snprintf(question, sizeof question,
             "No authority that this machine trusts vouches for %s. The fingerprint of the one that it shows is\n"
             "    %s\n"
             "On the controller's host, aq fingerprint prints the right one. Is it the same (yes, no, or that one)? ",
             server, fingerprint);
    if (!cli_prompt(question, false, answer, sizeof answer))
        return false;
    return strcmp(answer, "yes") == 0 ||
           (aq_fingerprint_parse(answer, typed, &unused) == 0 && strcmp(typed, fingerprint) == 0);
}

/* Asks the server something that needs no token, so that nobody types one for a stranger. */
static enum cli_exit meet(struct login *login, struct cli_reply *reply)
{
    struct cli_request request = {.method = "GET", .path = "/livez", .once = true, .anonymous = true};
    return cli_client_ask(login->client, &request, reply);
}

static enum cli_exit make_sure(struct login *login)
{
    struct cli_reply reply;
    struct aq_error error = {0};
    if (open_client(login, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    const struct cli_connect *connect = cli_client_connect(login->client);
    bool is_pinned = connect->fingerprint[0] != '\0' || connect->authorities != NULL;
    enum cli_exit code = meet(login, &reply);
    if (reply.presented[0] != '\0' && !is_pinned && is_confirmed(connect->server, reply.presented)) {
        memcpy(login->seen, reply.presented, sizeof login->seen);
        login->flags.fingerprint = login->seen;
        cli_reply_close(&reply);
        if (open_client(login, &error) != 0)
            return cli_fail(CLI_USAGE, "%s", error.message);
        code = meet(login, &reply);
    }
    if (code != CLI_DONE)
        cli_reply_fail(&reply);
    cli_reply_close(&reply);
    return code;
}

/* ---- who it is -------------------------------------------------------------------------------------------- */

/* A context that is there already keeps its user: to log in again is fine, as somebody else is not. */
static int check_user(const struct login *login, struct aq_error *error)
{
    const char *user = cli_client_connect(login->client)->user;
    if (!login->is_kept || login->kept.user[0] == '\0' || strcmp(login->kept.user, user) == 0)
        return 0;
    return aq_fail(
        error, AQ_E_EXISTS,
        "context %s is that of user %s, not %s: give this one another name with --context, or delete that one "
        "(aq context delete %s)",
        login->name, login->kept.user, user, login->name);
}

static int read_token(struct login *login, struct aq_error *error)
{
    struct cli_connect *connect = cli_client_connection(login->client);
    char question[128], answer[CLI_TOKEN_SIZE_MAX + 2];
    if (login->flags.token_file[0] != '\0')
        return cli_connect_read_token(connect, login->flags.token_file, error);
    if (!cli_prompt_is_possible())
        return cli_connect_read_token(connect, "-", error);
    snprintf(question, sizeof question, "token%s%s (it is not shown): ", connect->user[0] != '\0' ? " of " : "",
             connect->user);
    if (!cli_prompt(question, true, answer, sizeof answer))
        answer[0] = '\0';
    return cli_connect_give_token(connect, answer, "what was typed", error);
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static int keep(struct login *login, struct aq_error *error)
{
    struct cli_context context = cli_context_of(cli_client_connect(login->client));
    return cli_contexts_write(login->name, &context, error) == 0 ? cli_contexts_use(login->name, error) : -1;
}

static void tell(const struct login *login, const struct cli_reply *me)
{
    static const char *const variables[] = {"AQ_CONTEXT", "AQ_SERVER", "AQ_USER", "AQ_TOKEN", "AQ_TOKEN_FILE"};
    const struct cli_connect *connect = cli_client_connect(login->client);
    const char *role = json_string_value(json_object_get(me->data, "role"));
    cli_note("user %s (role %s) of %s; context %s is in use", connect->user, role != NULL ? role : "unknown",
             connect->server, login->name);
    for (size_t i = 0; i < AQ_LENGTH(variables); i++)
        if (getenv(variables[i]) != NULL && getenv(variables[i])[0] != '\0')
            cli_note("note: %s is set, and goes before what the context says", variables[i]);
}

/* At a socket, the server may know the account already. */
static bool is_known(struct login *login, struct cli_reply *me)
{
    const struct cli_connect *connect = cli_client_connect(login->client);
    *me = (struct cli_reply){0};
    return connect->is_socket && connect->user[0] == '\0' && login->flags.token_file[0] == '\0' &&
           cli_client_get(login->client, me, "/api/v1/me") == CLI_DONE;
}

/* Takes the token, and tries it. */
static enum cli_exit try_token(struct login *login, struct cli_reply *me)
{
    struct aq_error error = {0};
    cli_reply_close(me);
    if (login->flags.user[0] != '\0' && check_user(login, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    if (read_token(login, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    return cli_client_get(login->client, me, "/api/v1/me") == CLI_DONE ? CLI_DONE : cli_reply_fail(me);
}

static enum cli_exit log_in(struct login *login)
{
    struct aq_error error = {0};
    struct cli_reply me;
    enum cli_exit code = make_sure(login);
    if (code != CLI_DONE)
        return code;
    bool by_account = is_known(login, &me);
    if (!by_account)
        code = try_token(login, &me);
    struct cli_connect *connect = cli_client_connection(login->client);
    const char *name = json_string_value(json_object_get(me.data, "name"));
    bool is_unnamed = name != NULL && connect->user[0] == '\0';
    if (code == CLI_DONE && is_unnamed && !by_account)
        cli_connect_name_user(connect, name);
    if (code == CLI_DONE && (check_user(login, &error) != 0 || keep(login, &error) != 0))
        code = cli_fail(CLI_FAILED, "%s", error.message);
    if (code == CLI_DONE && is_unnamed) /* which is not kept: the account that asks later may be another one */
        cli_connect_name_user(connect, name);
    if (code == CLI_DONE)
        tell(login, &me);
    cli_reply_close(&me);
    return code;
}

enum cli_exit cli_login(struct cli *cli, const char *const *words, unsigned count)
{
    struct login login = {.flags = cli->options.flags};
    struct aq_error error = {0};
    enum cli_exit code = CLI_USAGE;
    if (count > 1)
        return cli_fail(CLI_USAGE,
                        "login takes one address. A token does not belong on a command line, which everybody "
                        "on this machine can read: it is asked for, or read from --token-file");
    if (count == 1 && login.flags.server[0] != '\0')
        return cli_fail(CLI_USAGE, "login takes one address, but there are two");
    if (count == 1 || login.flags.server[0] != '\0') {
        read_address(count == 1 ? words[0] : login.flags.server, &login.address);
        login.flags.server = aq_buffer_string(&login.address);
    }
    login.flags.context = "";
    const char *name = cli->options.flags.context;
    if (take_chosen(&login, &name, &error) != 0 || find_context(&login, name, &error) != 0)
        cli_fail(CLI_USAGE, "%s", error.message);
    else
        code = log_in(&login);
    forget_token(&login);
    cli_client_close(login.client);
    aq_arena_free(&login.arena);
    aq_buffer_free(&login.address);
    aq_buffer_free(&login.path);
    return code;
}
