/* aq: the command line. Parses it, and leaves the rest to run.c. */
#include "schema/base/program.h"
#include "tools/aq/complete.h"
#include "tools/aq/topics.h"

#include <string.h>

/* aq __complete WORDS...: the line typed so far, with its flags. An unfinished line may be invalid: of its flags only
 * the server's address and the token's place matter, and these come from the environment. */
static enum cli_exit complete(struct cli *cli, int argc, char **argv)
{
    struct aq_error unused;
    struct aq_buffer out = {0};
    unsigned count = argc - 2 < CLI_WORDS_MAX ? (unsigned)(argc - 2) : CLI_WORDS_MAX;
    char *none[] = {argv[0], NULL};
    if (cli_options_parse(&cli->options, 1, none, &unused) == 0)
        cli->client = cli_client_try(&cli->options);
    cli_complete(cli, (const char *const *)argv + 2, count, &out);
    cli_print(aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
    return CLI_DONE;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct aq_error error = {0};
    enum cli_exit code;
    aq_program_begin();
    cli_say_open();
    if (argc > 1 && strcmp(argv[1], "__complete") == 0) {
        code = complete(&cli, argc, argv);
    } else if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        code = cli_topic_find("version")->run(&cli, NULL, 0);
    } else if (cli_options_parse(&cli.options, argc, argv, &error) != 0) {
        code = cli_fail(CLI_USAGE, "%s", error.message);
    } else {
        code = cli_run(&cli);
    }
    cli_client_close(cli.client);
    cli_options_close(&cli.options);
    enum cli_exit written = cli_say_close();
    return code != CLI_DONE ? code : written;
}
