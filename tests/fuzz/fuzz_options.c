/* The command line of aq. Input: one argument on each line.
 *
 * Parsing ends, and keeps no more words and files than allowed. */
#include "schema/base/utf8.h"
#include "tests/lib/fuzz.h"
#include "tools/aq/options.h"

#include <stdio.h>

enum { ARGUMENTS_MAX = 1200 };

static void check_options(const struct cli_options *options)
{
    fuzz_must(options->word_count <= CLI_WORDS_MAX && options->file_count <= CLI_FILES_MAX);
    fuzz_must(options->filter_count <= CLI_FILTERS_MAX);
    fuzz_must(!(options->flags.json && options->flags.yaml));
    for (unsigned i = 0; i < options->word_count; i++)
        fuzz_must(aq_utf8_is_good(options->words[i], strlen(options->words[i])));
    for (unsigned i = 0; i < options->filter_count; i++)
        fuzz_must(options->filters[i].field[0] != '\0' && options->filters[i].pattern != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cli_options options;
    struct fuzz_input in = {data, size};
    struct aq_error error = {0};
    char *argv[ARGUMENTS_MAX + 1] = {"aq"};
    int argc = 1;
    char *text = fuzz_rest(&in, true);
    for (char *rest = text, *word; argc < ARGUMENTS_MAX && (word = strsep(&rest, "\n")) != NULL;)
        argv[argc++] = word;
    int status = cli_options_parse(&options, argc, argv, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        check_options(&options);
    cli_options_close(&options);
    free(text);
    return 0;
}
