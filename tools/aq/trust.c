#include "tools/aq/trust.h"

#include "schema/base/files.h"

#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

int cli_authorities_read(const char *path, struct aq_buffer *out, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer file = {0};
    size_t before = out->length;
    if (aq_file_read(AT_FDCWD, path, CLI_AUTHORITIES_SIZE_MAX, &file, error) != 0)
        return aq_error_context(error, "certificates of authorities: %.200s", path);
    const char *end, *at = aq_buffer_string(&file);
    while ((at = strstr(at, PEM_BEGIN)) != NULL && (end = strstr(at, PEM_END)) != NULL) {
        end += strlen(PEM_END);
        aq_buffer_add(out, at, (size_t)(end - at));
        aq_buffer_char(out, '\n');
        at = end;
    }
    if (out->length == before)
        return aq_fail(error, AQ_E_INVALID, "%.200s has no certificate: it must have lines " PEM_BEGIN, path);
    return 0;
}
