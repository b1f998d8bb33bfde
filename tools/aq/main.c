/* aq: the command line. Parses it, finds out what it is about, and leaves the rest to nouns.c and topics.c. */
#include "schema/base/program.h"
#include "tools/aq/complete.h"
#include "tools/aq/help.h"
#include "tools/aq/suggest.h"

#include <string.h>

static enum cli_exit show_help(const struct cli_options *options)
{
    struct aq_buffer out = {0};
    cli_help(options->words, options->word_count, &out);
    cli_print(aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
    return CLI_DONE;
}

static enum cli_exit unknown_noun(const char *word)
{
    struct cli_suggest suggest = {.word = word};
    const struct aq_entity *entity;
    const struct cli_topic *topic;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        cli_suggest_try(&suggest, entity->plural);
        cli_suggest_try(&suggest, entity->name);
    }
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++)
        cli_suggest_try(&suggest, topic->name);
    if (suggest.best != NULL)
        return cli_fail(CLI_USAGE, "there is no \"%.64s\"; did you mean %s?", word, suggest.best);
    return cli_fail(CLI_USAGE, "there is no \"%.64s\"; see aq --help", word);
}

static enum cli_exit run(struct cli *cli)
{
    const struct cli_options *options = &cli->options;
    if (options->flags.help || options->word_count == 0)
        return show_help(options);
    const char *noun = options->words[0];
    const struct aq_entity *entity = aq_entity_find(noun);
    const struct cli_topic *topic = cli_topic_find(noun);
    if (entity == NULL && topic == NULL)
        return unknown_noun(noun);
    if (topic == NULL || !topic->offline) {
        enum cli_exit code = cli_client_open(&cli->client, options);
        if (code != CLI_DONE)
            return code;
    }
    if (topic != NULL)
        return topic->run(cli, options->words + 1, options->word_count - 1);
    return cli_noun(cli, entity, options->words + 1, options->word_count - 1);
}

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
        code = run(&cli);
    }
    cli_client_close(cli.client);
    cli_options_close(&cli.options);
    enum cli_exit written = cli_say_close();
    return code != CLI_DONE ? code : written;
}
