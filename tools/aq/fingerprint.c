#include "tools/aq/fingerprint.h"

#include "tools/aq/show.h"

enum cli_exit cli_fingerprint(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_reply reply;
    if (count > 0)
        return cli_fail(CLI_USAGE, "fingerprint takes no words, but there is \"%.64s\"", words[0]);
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/authority");
    const char *fingerprint = json_string_value(json_object_get(reply.data, "fingerprint"));
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    if (code != CLI_DONE)
        cli_reply_fail(&reply);
    else if (fingerprint == NULL)
        code = cli_fail(CLI_SERVER, "the server's answer contains no fingerprint");
    else if (cli_wants_data(&cli->options.flags))
        cli_show_data(reply.data, &cli->options.flags);
    else
        aq_buffer_format(&line, "%s\n", fingerprint);
    cli_print(aq_buffer_string(&line), line.length);
    cli_reply_close(&reply);
    return code;
}
