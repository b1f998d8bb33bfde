#include "schema/model/upkeep.h"

#include <string.h>

AQ_DEFINE_WORDS(aq_restart, AQ_RESTART_POLICIES)
AQ_DEFINE_WORDS(aq_health, AQ_HEALTHS)
AQ_DEFINE(aq_check, "health", 1, "how to see that a workload is healthy")

unsigned aq_check_ways(const struct aq_check *check)
{
    const bool by_http = check->http != NULL && check->http[0] != '\0';
    return (check->command.count > 0) + (check->tcp != 0) + by_http;
}

bool aq_check_http(const char *http, uint64_t *port, const char **path)
{
    size_t digits = strspn(http, "0123456789");
    *port = 0;
    for (size_t i = 0; i < digits && i < 6; i++)
        *port = *port * 10 + (uint64_t)(http[i] - '0');
    *path = http + digits;
    for (const char *at = *path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7F)
            return false;
    return digits > 0 && digits < 6 && *port >= 1 && *port <= 65535 && **path == '/';
}
